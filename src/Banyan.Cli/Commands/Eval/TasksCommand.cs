using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Tasks;
using Spectre.Console;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval tasks</c>: what can be measured; with a task's name, its items.</summary>
static class TasksCommand
{
    static readonly JsonSerializerOptions s_plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static Command Create()
    {
        var name = new Argument<string?>("TASK") { Description = "a task whose items are listed; without it, all tasks are", Arity = ArgumentArity.ZeroOrOne };
        var json = new Option<bool>("--json") { Description = "print a line of JSON for each task, or for each item: its id, its prompt, and what is different in a twin" };
        var command = new Command("tasks", """
            List the tasks, their data files and licences, or the items of one

            Examples:
              banyan eval tasks
              banyan eval tasks humaneval~twin           what is different in each twin
              banyan eval tasks humaneval~twin --json    their prompts, to ask a model elsewhere
            """)
        { name, json };
        var data = new DataChoices(command);
        var choices = new JudgeChoices();
        choices.AddTo(command);
        command.SetAction((arguments, cancellationToken) => JudgeChoices.RunAsync(async () =>
        {
            if (arguments.GetValue(name) is not { } wanted)
            {
                if (arguments.GetValue(json))
                    foreach (var each in TaskTable.All.Concat(TaskTable.Twins))
                        Console.WriteLine(Json(each).ToJsonString(s_plain));
                else
                    List();
                return 0;
            }
            var task = TaskTable.Find(wanted);
            using var judge = await choices.OpenAsync(arguments, asPublished: false, cancellationToken);
            var items = await task.LoadAsync(await data.SourceAsync(arguments, task, cancellationToken), judge, cancellationToken);
            if (arguments.GetValue(json))
                foreach (var id in items.Ids)
                    Console.WriteLine(Json(items, id).ToJsonString(s_plain));
            else
                Show(items);
            return 0;
        }));
        return command;
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
        Console.WriteLine($"Twins (the same problems in other names, words and examples): {string.Join(", ", TaskTable.Twins.Select(t => t.Name))}");
    }
}
