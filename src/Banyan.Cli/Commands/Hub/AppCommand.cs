using System.CommandLine;
using Banyan.Server.OAuth;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub app list|remove</c>: apps that users registered for signing in.</summary>
static class AppCommand
{
    public static Command Create() =>
        new("app", "List and remove the apps that users registered at /settings/applications.") { List(), Remove() };

    static Command List()
    {
        var json = CommandParts.Json();
        return new Command("list", "List apps: client_id, who registered it, name, where it leads back to.") { json }.OnHub(
            async (arguments, database, cancellationToken) => HubCommand.Print(
            (await new OAuthApps(database, TimeProvider.System).ListAsync(null, cancellationToken)).Select(a =>
                new { a.Client, a.Owner, a.Name, a.Homepage, a.IsConfidential, a.Addresses }).ToList(),
            arguments.GetValue(json), a => $"{a.Client}  {a.Owner,-24} {a.Name,-32} {string.Join(" ", a.Addresses)}"));
    }

    static Command Remove()
    {
        var client = new Argument<string>("CLIENT") { Description = "the app's client_id" };
        return new Command("remove", """
            Remove an app, and end everything that users granted to it

            Example:
              banyan hub app remove 3f1c2a3e-5b77-4c39-9d0a-8a6f1b2c3d4e
            """) { client }.OnHub((arguments, database, cancellationToken) => new OAuthApps(database, TimeProvider.System).RemoveAsync(arguments.GetRequiredValue(client), cancellationToken));
    }
}
