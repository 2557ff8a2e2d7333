using System.CommandLine;
using System.Text.Json;
using Banyan.Server.Jobs;

namespace Banyan.Cli.Commands.Hub;

/// <summary><c>banyan hub jobs</c>: the hub's background jobs and their state; <c>run</c>: to do it now.</summary>
static class JobsCommand
{
    public static Command Create()
    {
        var json = CommandParts.Json("One JSON object a line");
        var command = new Command("jobs", """
            Show what the hub does by itself: how it stands, when it ran and will run

            Examples:
              banyan hub jobs
              banyan hub jobs run collect
            """) { json };
        command.OnHub(async (arguments, database, cancellationToken) =>
        {
            var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            var jobs = await new JobStore(database, TimeProvider.System).ListAsync(cancellationToken);
            if (arguments.GetValue(json))
            {
                foreach (var job in jobs)
                    Console.WriteLine(job.Json(now).ToJsonString(JsonSerializerOptions.Web));
                return;
            }
            if (jobs.Count == 0)
                Console.WriteLine("No server has run on this hub yet.");
            foreach (var job in jobs)
                Console.WriteLine(
                    $"{job.Name,-12}  {job.Status(now),-11}  last {Time(job.EndedAt),-16}  next {(job.DueAt <= now ? "when needed" : Time(job.DueAt)),-16}  {job.Progress ?? job.Error}".TrimEnd());
        });
        var name = new Argument<string>("JOB") { Description = "Its name, as banyan hub jobs shows it" };
        command.Subcommands.Add(new Command("run", """
            Make a job due: the server begins it within half a minute

            Example:
              banyan hub jobs run collect
            """) { name }.OnHub(async (arguments, database, cancellationToken) =>
        {
            var job = arguments.GetRequiredValue(name);
            if (!await new JobStore(database, TimeProvider.System).DemandAsync(job, cancellationToken))
                throw new CommandException($"There is no job {job}: banyan hub jobs shows them.");
        }));
        return command;
    }

    static string Time(long? at) => at is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms).ToLocalTime()
        .ToString("yyyy-MM-dd HH:mm", System.Globalization.CultureInfo.InvariantCulture) : "never";
}
