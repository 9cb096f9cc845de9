"""The words of the command line: nouns whose unknown verbs are answered with the closest one."""

from typing import Any

import click

from standfast.operations.names import closest


class Noun(click.Group):
    """A word that others follow."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click's; what is close to an unknown word is named."""
        word = args[0]
        if not word.startswith("-") and self.get_command(ctx, word) is None and not ctx.resilient_parsing:
            known = self.list_commands(ctx)
            like = closest(word, known)
            hint = f"Did you mean {like!r}?" if like else f"There are: {', '.join(known)}."
            ctx.fail(f"No such command {word!r}. {hint}")
        return super().resolve_command(ctx, args)

    def group(self, *args: Any, **kwargs: Any) -> Any:
        """A noun below this one is one of this kind."""
        kwargs.setdefault("cls", Noun)
        return super().group(*args, **kwargs)
