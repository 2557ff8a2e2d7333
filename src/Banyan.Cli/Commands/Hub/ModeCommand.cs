using System.CommandLine;
using Banyan.Server.Hub;
using Banyan.Server.SignIn;
using Banyan.Server.Storage;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub maintenance|readers|two-factor|rotate-keys</c>: settings of the whole hub, which take effect while it
/// runs.</summary>
static class ModeCommand
{
    const string On = "on", Off = "off", Members = "members", Everyone = "everyone", Required = "required", Optional = "optional";

    public static Command CreateMaintenance()
    {
        var state = new Argument<string>("STATE") { Description = "on or off" };
        state.AcceptOnlyFromAmong(On, Off);
        var message = new Option<string>("--message")
        {
            Description = "What to say to who wants to change something",
            DefaultValueFactory = _ => "it is being looked after, and will be back soon.",
        };
        return new Command("maintenance", """
            Take no changes for now: everything can be read, uploads and other changes get 503 with what you say

            Holds for all nodes of the hub within a second, and through restarts, until it is switched off.

            Examples:
              banyan hub maintenance on --message "We move to a new disk until 18:00."
              banyan hub maintenance off
            """) { state, message }.OnHub((arguments, database, cancellationToken) =>
        {
            var text = arguments.GetRequiredValue(message).Trim();
            if (text.Length is 0 or > HubMode.MaxMessage)
                throw new CommandException($"--message: 1 to {HubMode.MaxMessage} characters");
            return new HubMode(database, TimeProvider.System).SetMaintenanceAsync(arguments.GetRequiredValue(state) == On
                ? text : null, cancellationToken);
        });
    }

    public static Command CreateReaders()
    {
        var who = new Argument<string>("WHO")
        {
            Description = "members: only users of the hub read, also what is public; everyone: what is public is read by all",
        };
        who.AcceptOnlyFromAmong(Members, Everyone);
        return new Command("readers", """
            Say who may read what is public: only the hub's users, or everyone

            Examples:
              banyan hub readers members
              banyan hub readers everyone
            """) { who }.OnHub((arguments, database, cancellationToken) => new HubMode(database, TimeProvider.System).SetForMembersAsync(arguments.GetRequiredValue(who) == Members, cancellationToken));
    }

    public static Command CreateTwoFactor()
    {
        var state = new Argument<string>("STATE")
        {
            Description = "required: everyone signs in with a second factor; optional: who has set it up does",
        };
        state.AcceptOnlyFromAmong(Required, Optional);
        return new Command("two-factor", """
            Say whether signing in by a browser takes a second factor

            When it begins to be required, whoever has none is signed out, and sets it up when signing in. Tokens of programs go on as they are.

            Example:
              banyan hub two-factor required
            """) { state }.OnHub((arguments, database, cancellationToken) => new SecondFactors(database, TimeProvider.System).SetRequiredAsync(arguments.GetRequiredValue(state) == Required, cancellationToken));
    }

    public static Command CreateRotateKeys() => new Command("rotate-keys", """
        Make the hub's signing keys anew, as when a backup or the database got into wrong hands

        Upload and download addresses and Xet tokens that were given out before are refused within seconds; clients ask for new ones and go on.
        Tokens, passwords and sessions stay: banyan hub token remove and banyan hub user suspend end those.

        Example:
          banyan hub rotate-keys
        """).OnHub((_, database, cancellationToken) => new Secrets(database, TimeProvider.System).RotateAsync(cancellationToken));
}
