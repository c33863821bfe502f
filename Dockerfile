# silentkeys on a CPU. The page:   docker build -t silentkeys . && docker run --rm -p 127.0.0.1:8501:8501 silentkeys
# Any other command:              docker run --rm -v "$PWD/videos:/videos" silentkeys batch /videos -o /videos/out
FROM python:3.12-slim-bookworm

ENV PYTHONUNBUFFERED=1 \
    XDG_CACHE_HOME=/opt/cache \
    PATH=/opt/silentkeys/.venv/bin:$PATH
WORKDIR /opt/silentkeys

# The libraries come first, as they change least. The script never fails, so that what it was to bring is looked for.
COPY .ci/system-libraries.sh .ci/
RUN .ci/system-libraries.sh \
    && ldconfig -p | grep -q libfluidsynth.so.3 \
    && ldconfig -p | grep -q libGL.so.1 \
    && rm -rf /var/lib/apt/lists/*

# As “make install” does it: PyTorch's CPU build, requirements.txt, silentkeys, and the hand networks into the cache.
COPY . .
RUN --mount=type=cache,target=/opt/cache/pip .ci/install.sh .venv

RUN useradd --create-home --uid 1000 pianist
USER pianist

# Asks the page; of any other command it says nothing.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
EXPOSE 8501
ENTRYPOINT ["silentkeys"]
CMD ["app", "--address", "0.0.0.0", "--port", "8501", "--no-browser"]
