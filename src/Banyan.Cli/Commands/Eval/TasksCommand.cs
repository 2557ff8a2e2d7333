using System.CommandLine;
using Banyan.Evaluation.Tasks;
using Spectre.Console;

namespace Banyan.Cli.Commands.Eval;

/// <summary><c>banyan eval tasks</c>: what can be measured.</summary>
static class TasksCommand
{
    public static Command Create()
    {
        var command = new Command("tasks", "List the tasks, their data files and licences.");
        command.SetAction(_ =>
        {
            var table = new Table().Border(TableBorder.Simple).AddColumns("task", "also called", "what", "data file", "licence");
            foreach (var task in TaskTable.All)
                table.AddRow(task.Name.EscapeMarkup(), string.Join(", ", task.Aliases).EscapeMarkup(), task.Description.EscapeMarkup(),
                    (task.DataFiles.FirstOrDefault() ?? "ships with banyan").EscapeMarkup(), task.Licence.EscapeMarkup());
            AnsiConsole.Write(table);
            return 0;
        });
        return command;
    }
}
