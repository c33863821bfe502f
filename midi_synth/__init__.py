"""Notes -> sound: General MIDI instruments of a soundfont, played by FluidSynth without an audio device."""

from midi_synth.engine import Engine
from midi_synth.errors import SynthError
from midi_synth.fluid import FluidSynth
from midi_synth.practice import practise
from midi_synth.render import render
from midi_synth.sound_file import SOUND_SUFFIXES, write_sound

__all__ = ["SOUND_SUFFIXES", "Engine", "FluidSynth", "SynthError", "practise", "render", "write_sound"]
