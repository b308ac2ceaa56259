"""Every setting, its environment variable and its default, in one place.

A setting ``name`` is read from ``KSTORE_NAME``; the command line's options override it.
"""

from pathlib import Path

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kstore.errors import InputError

PACKAGED_ENCODER = "all-MiniLM-L6-v2"
SHIPPED_GENERATOR = "shipped"


class Settings(BaseSettings):
    """What a kstore process needs to know; see README, "Settings"."""

    model_config = SettingsConfigDict(env_prefix="KSTORE_", env_ignore_empty=True, frozen=True)

    home: Path = Field(default_factory=lambda: user_data_path("kstore"), description="folder of the store")
    cache: Path = Field(default_factory=lambda: user_cache_path("kstore"), description="folder of prepared encoders")
    encoder: str | None = Field(
        default=None,
        description="sentence-transformers model, by folder or hub name; default: the store's own, at first "
        + PACKAGED_ENCODER,
    )
    generator: str = Field(
        default=SHIPPED_GENERATOR,
        description="'shipped', a causal language model by folder or hub name, or provider:model, which is hosted",
    )
    generator_url: str | None = Field(
        default=None, description="address of an OpenAI-compatible server (http://HOST:PORT/v1), for openai:MODEL"
    )
    index: str = Field(default="auto", description="kind of index, with parameters, or 'auto'; see vectors/kinds.py")
    index_memory: int | None = Field(default=None, ge=1, description="bytes that an index of kind 'auto' may take")
    max_document_bytes: int = Field(default=10_000_000, ge=1, description="longest document accepted, in bytes")
    threads: int = Field(default=0, ge=0, description="processor threads for models; 0 leaves it to the runtime")

    @field_validator("home", "cache")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, with the given ones (None: not given) over them."""
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"setting KSTORE_{str(first['loc'][0]).upper()}: {first['msg']}") from error
