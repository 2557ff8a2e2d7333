using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Tasks;
using Spectre.Console;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval tasks</c>: what can be measured; with a task's name, its items.</summary>
sealed class TasksCommand : Command
{
    static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    readonly Argument<string?> _name = new("TASK")
    {
        Description = "a task whose items are listed; without it, all tasks are",
        Arity = ArgumentArity.ZeroOrOne,
    };
    readonly Option<bool> _json =
        CommandParts.Json("print a line of JSON for each task, or for each item: its id, its prompt, and what is different in a twin");
    readonly DataChoices _data;
    readonly JudgeChoices _choices = new();

    public TasksCommand() : base("tasks", """
        List the tasks, their data files and licences, or the items of one

        Examples:
          banyan eval tasks
          banyan eval tasks humaneval~twin           what is different in each twin
          banyan eval tasks humaneval~twin --json    their prompts, to ask a model elsewhere
        """)
    {
        this.AddAll(_name, _json);
        _data = new DataChoices(this);
        _choices.AddTo(this);
        SetAction((arguments, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(arguments, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        if (arguments.GetValue(_name) is not { } wanted)
        {
            if (arguments.GetValue(_json))
                foreach (var each in TaskTable.All.Concat(TaskTable.Twins))
                    Console.WriteLine(Json(each).ToJsonString(s_plain));
            else
                List();
            return 0;
        }
        var task = TaskTable.Find(wanted);
        using var judge = await _choices.OpenAsync(arguments, asPublished: false, cancellationToken);
        var items = await task.LoadAsync(await _data.SourceAsync(arguments, task, cancellationToken), judge, cancellationToken);
        if (arguments.GetValue(_json))
            foreach (var id in items.Ids)
                Console.WriteLine(Json(items, id).ToJsonString(s_plain));
        else
            Show(items);
        return 0;
    }

    static JsonObject Json(EvaluationTask task) => new()
    {
        ["task"] = task.Name,
        ["also"] = new JsonArray([.. task.Aliases]),
        ["what"] = task.Description,
        ["files"] = new JsonArray([.. task.DataFiles]),
        ["licence"] = task.Licence,
    };

    static JsonObject Json(ItemSet items, string id)
    {
        var prompt = items.Prompt(id);
        return new()
        {
            ["task_id"] = id,
            ["prompt"] = prompt.Code,
            ["instruction"] = prompt.Instruction,
            ["suffix"] = prompt.Suffix,
            ["entry_point"] = prompt.Entry,
            ["language"] = prompt.Language,
            ["changes"] = new JsonArray([.. items.Changes(id)]),
        };
    }

    static void Show(ItemSet items)
    {
        foreach (var id in items.Ids)
            Console.WriteLine($"{id,-28} {items.Prompt(id).Entry,-32} {string.Join(", ", items.Changes(id))}".TrimEnd());
        Console.WriteLine($"{items.Ids.Count} items");
    }

    static void List()
    {
        var grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach (var task in TaskTable.All)
            grid.AddRow($"[bold]{task.Name.EscapeMarkup()}[/]",
                $"{task.Description.EscapeMarkup()}\n[grey]{(task.DataFiles.FirstOrDefault() ?? "ships with banyan").EscapeMarkup()}; {task.Licence.EscapeMarkup()}[/]");
        AnsiConsole.Write(grid);
        Console.WriteLine(
            $"Twins (the same problems in other names, words and examples): {string.Join(", ", TaskTable.Twins.Select(t => t.Name))}");
    }
}
