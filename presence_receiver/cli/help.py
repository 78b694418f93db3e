"""presence-cli help."""

import click


@click.command("help")
@click.argument("name", metavar="[COMMAND]", required=False)
@click.pass_context
def command(ctx: click.Context, name: str | None) -> None:
    """Show what presence-cli or one of its commands does.

    \b
    Example: presence-cli help register
    """
    above = ctx.parent
    assert above and isinstance(above.command, click.Group)
    if name is None:
        click.echo(above.get_help())
        return
    name, found, _ = above.command.resolve_command(above, [name])
    assert found
    click.echo(found.get_help(click.Context(found, above, name)))
