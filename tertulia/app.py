"""The console script: every sub-command, each owned by its package.

The heavy packages are imported by the command that needs them, so that `tertulia --help` answers at once.
"""

import typer

import agents.cli
import agents.load.cli
import sfu.cli
import signaling.cli
from signaling.console.call_history import call
from signaling.console.users import user
from tertulia.demo import demo
from tertulia.doctor import doctor
from tertulia.serve import PASSED_ON, serve

app = typer.Typer(
    name="tertulia",
    help="Calls between people, in Python: signaling, media node and headless agents.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("serve", context_settings=PASSED_ON)(serve)
app.command("demo")(demo)
app.command("doctor")(doctor)
app.command("signaling")(signaling.cli.signaling)
app.command("node")(sfu.cli.node)
app.command("agent")(agents.cli.agent)
app.command("load")(agents.load.cli.load)
app.command("token")(signaling.cli.token)
app.add_typer(user, name="user")
app.add_typer(user, name="users", help="The same as `user`.")
app.add_typer(call, name="call")


def main() -> None:
    """Run the console script."""
    app()
