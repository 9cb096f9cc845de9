"""Takes the secrets out of a configuration, and of whatever else a person gives away with it.

What is a secret is found by its name; in doubt too much is taken. One value is called by the same word everywhere, so
who reads on still sees whether two of them are the same, and files with such words in them load as before.
"""

import json
import re
from dataclasses import replace
from typing import Final

from standfast.configuration.secrets import KEY, names_secret, secret_names
from standfast.configuration.tree import File, Tree

SHORTEST: Final = 5  # characters of a secret that is taken out of texts of all kinds: less is in any text
_KEY_BYTES: Final = 128  # the shortest that the loader takes
_NO_SECRET: Final = ("PasswordFile", "Credential", "LoadCredential", "LoadCredentialEncrypted", "ImportCredential")
_WORDS: Final = ("false", "none", "null", "true", "standfast")  # values that are in any text
_ASKED_HERE: Final = ("cluster.conf", "units/")  # URLs in these are pages that probes look at
_MORE: Final = r"(?:\\\n|[^\n])*"  # to the end of the line, or of the last one that continues it
_COMMENT: Final = re.compile(rf"^[ \t]*[#;]{_MORE}$", re.MULTILINE)
_NAMED: Final = re.compile(rf"([\w.-]+)([ \t]*=[ \t]*(?:\\\n[ \t]*)*|[ \t]*:[ \t]+)({_MORE})")
_OPTION: Final = re.compile(r"(--?[\w-]+)([ \t]+(?:\\\n[ \t]*)*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'-]\S*)")
_LOGIN: Final = re.compile(r"((?:^|[\s\"'])(?:-u|--user)[ =])([^\s:\"']+:)([^\s\"']+)")
_IN_URL: Final = re.compile(r"(://[^\s/:@\"']*:)([^\s/@\"']+)(?=@)")
_HOOK: Final = re.compile(r"(\bhttps?://[^\s/\"']+/)([^\s\"']{8,})")  # who knows the path of a webhook may use it
_SAID: Final = re.compile(
    rf"^([ \t]*Send[ \t]*=)({_MORE}\b(?:auth|pass|login)\b{_MORE})$", re.MULTILINE | re.IGNORECASE
)
_PRIVATE: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


class Redaction:
    """Of one report: what was found secret in its files is in no other text of it."""

    def __init__(self) -> None:
        self._words: dict[str, str] = {}  # by secret
        self.hidden: dict[str, None] = {}  # names of files of which nothing is shown

    def tree(self, tree: Tree) -> Tree:
        """The configuration without secrets; as good or bad as it was for the loader."""
        secret = secret_names(tree)
        files = {name: self._file(name, file, whole=name in secret) for name, file in tree.files.items()}
        return replace(tree, files=files)

    def text(self, data: bytes) -> bytes:
        """The text without the secrets that were found so far, however JSON or a shell writes them."""
        for secret, word in sorted(self._words.items(), key=lambda item: -len(item[0])):
            if len(secret) < SHORTEST or secret.lower() in _WORDS:
                continue
            for written in dict.fromkeys((secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])):
                data = data.replace(written.encode(errors="surrogateescape"), word.encode())
        return data

    def _file(self, name: str, file: File, *, whole: bool) -> File:
        text = _text(file.content)
        if whole or text is None:
            self.hidden[name] = None
            for line in (text or "").splitlines():
                self._word(line.strip())
            word = self._word((text or file.content.hex()).strip())
            return replace(file, content=f"{word}\n".encode().ljust(_KEY_BYTES if name == KEY else 0, b"."))
        if not name.startswith(_ASKED_HERE):
            text = _HOOK.sub(lambda found: found[1] + self._word(found[2]), text)
        return replace(file, content=self._without(text).encode())

    def _without(self, text: str) -> str:
        text = _PRIVATE.sub(lambda found: self._word(found[0]), text)
        text = _COMMENT.sub(self._comment, text)
        text = _IN_URL.sub(lambda found: found[1] + self._word(found[2]), text)
        text = _LOGIN.sub(lambda found: found[1] + found[2] + self._word(found[3]), text)
        text = _SAID.sub(lambda found: found[1] + self._word(found[2].strip()), text)
        text = _OPTION.sub(lambda found: found[1] + found[2] + self._value(found[1], found[3]), text)
        return "\n".join(self._line(line) for line in re.split(r"(?<!\\)\n", text))

    def _comment(self, found: re.Match[str]) -> str:
        if not names_secret(found[0]):
            return found[0]
        for word in re.findall(
            r"[^\s\"',;=:]*\d[^\s\"',;]*", found[0]
        ):  # likelier the secret than a word of the sentence
            self._word(word)
        return f"# {self._word(found[0].strip().lstrip('#; '))}"

    def _line(self, line: str) -> str:
        """The first name in it whose value is secret takes the rest with it: a value may have spaces."""
        start = 0
        while found := _NAMED.search(line, start):
            if names_secret(found[1]) and found[1] not in _NO_SECRET:
                return line[: found.start(3)] + self._value(found[1], found[3])
            start = found.start(3)
        return line

    def _value(self, name: str, value: str) -> str:
        if not names_secret(name) or name in _NO_SECRET or value.startswith("removed-"):
            return value
        if word := re.match(r"[\"']?([^\s\"']+)", value):
            self._word(word[1])  # what follows it may be something else
        return self._word(value.strip().strip("\"'"))

    def _word(self, secret: str) -> str:
        return self._words.setdefault(secret, f"removed-{len(self._words) + 1}") if secret else ""


def _text(content: bytes) -> str | None:
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
