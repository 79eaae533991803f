"""What is said where the packages of the extra `push` are missing."""

from __future__ import annotations


def missing(error: ImportError) -> ImportError:
    return ImportError(f"the push plugins need more packages: pip install 'madang[push]' ({error})")
