"""Notes -> sound: General MIDI instruments of a soundfont, played by FluidSynth without an audio device."""

from midi_synth.errors import SynthError
from midi_synth.fluid import render
from midi_synth.sound_file import write_wav

__all__ = ["SynthError", "render", "write_wav"]
