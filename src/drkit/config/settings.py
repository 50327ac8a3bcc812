"""What the environment may say to every command. It stands apart: few commands need it, and its library is slow."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="DRKIT_", extra="ignore")
    passphrase: SecretStr | None = None
