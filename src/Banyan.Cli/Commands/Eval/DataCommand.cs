using System.CommandLine;
using System.Globalization;
using Banyan.Evaluation;
using Banyan.Evaluation.Data;
using Banyan.Evaluation.Tasks;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval data</c>: fetch tasks' data, for now or for a machine without a network.</summary>
sealed class DataCommand : Command
{
    readonly Argument<string[]> _tasks = new("TASK")
    {
        Description = "tasks whose data to fetch, or all; without any, what there is is listed",
        Arity = ArgumentArity.ZeroOrMore,
    };
    readonly DataChoices _data;

    public DataCommand() : base("data", """
        Fetch the tasks' data from its sources, proven by its SHA-256

        Examples:
          banyan eval data
          banyan eval data humaneval+ mbpp+
          banyan eval data all --data ./data     then copy the folder, and: banyan eval run --data ./data …
        """)
    {
        this.AddAll(_tasks);
        _data = new DataChoices(this);
        SetAction((arguments, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(arguments, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        using var store = _data.Store(arguments);
        var names = arguments.GetValue(_tasks) ?? [];
        if (names.Length == 0)
        {
            foreach (var source in DataSources.All)
            {
                var here = await store.HasAsync(source, cancellationToken) ? "here" : "not here";
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{here,-9} {source.File,-44} {source.Bytes,9:N0} bytes  {source.Licence}\n          {source.Address}\n          sha256 {source.Sha256}"));
            }
            Console.WriteLine($"Folder: {store.Folder}");
            return 0;
        }
        var needed = names.Any(n => n == "all") ? DataSources.All
            : [.. names.SelectMany(n => TaskTable.Find(n).Needs).Distinct()
                .Select(f => DataSources.Find(f)
                    ?? throw new EvaluationException($"{f} cannot be fetched: name its folder with --data DIR"))];
        foreach (var source in needed)
            Console.WriteLine(await store.FetchAsync(source, Console.Error.WriteLine, cancellationToken));
        return 0;
    }
}
