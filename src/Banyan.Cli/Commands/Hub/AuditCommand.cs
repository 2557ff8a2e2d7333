using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Banyan.Server.Auditing;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub audit</c>: who changed what, and whose access was refused; <c>verify</c>: that nobody changed the
/// audit.</summary>
static class AuditCommand
{
    const int Page = 1000, MostForPeople = 50;

    public static Command Create()
    {
        var actor = new Option<string?>("--actor") { Description = "What this user did", HelpName = "NAME" };
        var action = new Option<string?>("--action") { Description = "Actions that begin so, like repo or repo.delete", HelpName = "TEXT" };
        var target = new Option<string?>("--target") { Description = "What was done to things whose names begin so", HelpName = "TEXT" };
        var since = new Option<string?>("--since") { Description = "Not before, like 2026-11-29 or 2026-11-29T08:00Z", HelpName = "TIME" };
        var until = new Option<string?>("--until") { Description = "Before", HelpName = "TIME" };
        var json = CommandParts.Json("Print all of them, one JSON object a line, the oldest first");
        var command = new Command("audit", $"""
            Show who changed what, and who was kept from it: the last {MostForPeople}, or all with --json

            Examples:
              banyan hub audit --actor ben --since 2026-11-01
              banyan hub audit --action repo.delete
              banyan hub audit --json > audit.jsonl
              banyan hub audit verify
            """) { actor, action, target, since, until, json };
        command.OnHub(async (arguments, database, cancellationToken) =>
        {
            var filter = new AuditFilter
            {
                Actor = arguments.GetValue(actor),
                Action = arguments.GetValue(action),
                Target = arguments.GetValue(target),
                Since = Time("--since", arguments.GetValue(since)),
                Until = Time("--until", arguments.GetValue(until)),
            };
            var audit = new AuditLog(database);
            await audit.SealAsync(cancellationToken);
            if (!arguments.GetValue(json))
            {
                foreach (var entry in (await audit.ReadAsync(filter, null, MostForPeople, backwards: true, cancellationToken)).Reverse())
                    Console.WriteLine(
                        $"{entry.Place,8}  {DateTimeOffset.FromUnixTimeMilliseconds(entry.At):yyyy-MM-dd HH:mm:ss}  {entry.Actor,-20}  {entry.Action,-16}  {entry.Target}{(entry.Detail is null ? "" : $"  ({entry.Detail})")}");
                return;
            }
            for (long? after = null; await audit.ReadAsync(filter, after, Page, backwards: false, cancellationToken)
                is { Count: > 0 } entries; after = entries[^1].Place)
                foreach (var entry in entries)
                    Console.WriteLine(entry.Json().ToJsonString(JsonSerializerOptions.Web));
        });
        command.Subcommands.Add(Verify());
        return command;
    }

    static Command Verify()
    {
        var head = new Option<string[]>("--head")
        {
            Description = "A head that was noted before, as this command prints it (may be given several times)",
            HelpName = "PLACE:HASH",
        };
        return new Command("verify", """
            Compute the chain of the audit again: exit code 1 where an entry was changed, taken out or put in between

            Note the head that it prints somewhere else, and give it the next time: then it also shows whether all was made anew, or the last entries taken out.

            Example:
              banyan hub audit verify --head 12431:5b0d…
            """) { head }.OnHub(async (arguments, database, cancellationToken) =>
        {
            var kept = (arguments.GetValue(head) ?? []).Select(h => AuditHead.Parse(h)
                ?? throw new CommandException(
                    $"--head {h}: a number, a colon and 64 hexadecimal digits, as banyan hub audit verify prints them"))
                        .OrderBy(h => h.Place).ToArray();
            try
            {
                var audit = new AuditLog(database);
                await audit.SealAsync(cancellationToken);
                var found = await audit.VerifyAsync(kept, cancellationToken);
                Console.WriteLine($"{found.Place} entries, none changed. Head: {found}");
            }
            catch (AuditException e)
            {
                throw new CommandException(e.Message);
            }
        });
    }

    static long? Time(string option, string? text) => text is null ? null
        : DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time)
        ? time.ToUnixTimeMilliseconds()
        : throw new CommandException($"{option} {text}: a date like 2026-11-29, or a time like 2026-11-29T08:00Z");
}
