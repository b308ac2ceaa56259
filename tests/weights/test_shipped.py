"""The shipped kind of model: what its folder must hold, and that it loads no torch."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from kstore.encoding.encoder import Encoder, Vectors
from kstore.errors import ModelError
from kstore.weights.generator import RECORD
from kstore.weights.shipped import END, PROMPT_BIAS, PROMPT_WEIGHT, SentencePromptedGenerator, parameters
from tests.conftest import ROOT
from tests.weights import facts


