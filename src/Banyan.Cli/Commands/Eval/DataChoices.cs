using System.CommandLine;
using Banyan.Evaluation;
using Banyan.Evaluation.Data;
using Banyan.Evaluation.Tasks;

namespace Banyan.Cli.Commands.Eval;

/// <summary>Where tasks' data comes from: a folder, or its source, once.</summary>
sealed class DataChoices
{
    readonly Option<string?> _data = new("--data")
    {
        Description = "the folder that holds the tasks' data; nothing is fetched then (default: fetched once into ~/.cache/banyan)",
    };
    readonly Option<string?> _mirror = new("--mirror")
    {
        Description = "fetch from here, where files lie by their names, instead of from their sources",
    };

    public DataChoices(Command command)
    {
        command.Options.Add(_data);
        command.Options.Add(_mirror);
    }

    /// <summary>A task's data; downloaded if no folder is named and they are not in the cache.</summary>
    public async Task<TaskSource> SourceAsync(ParseResult arguments, EvaluationTask task, CancellationToken cancellationToken)
    {
        if (arguments.GetValue(_data) is { } folder)
            return new(folder);
        using var store = Store(arguments);
        foreach (var name in task.Needs)
            await store.FetchAsync(DataSources.Find(name)
                ?? throw new EvaluationException($"{task.Name} needs {name}, which cannot be fetched: name its folder with --data DIR"),
                Console.Error.WriteLine, cancellationToken);
        return new(store.Folder);
    }

    /// <summary>The folder of fetched data.</summary>
    public DataStore Store(ParseResult arguments) =>
        new(arguments.GetValue(_data) ?? DataStore.DefaultFolder, arguments.GetValue(_mirror) is not { } mirror ? null
            : Uri.TryCreate(mirror, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address
            : throw new EvaluationException($"--mirror {mirror}: an address such as http://host/folder is expected"));
}
