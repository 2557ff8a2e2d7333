using System.CommandLine;
using Banyan.Cli.Settings;
using Banyan.Evaluation;
using Banyan.Evaluation.Arena;
using Banyan.Evaluation.Transcripts;

namespace Banyan.Cli.Commands.Eval;

/// <summary>The options of <c>banyan up</c> for an arena in the hub, and the models that its users vote on.</summary>
sealed class HubArena
{
    readonly Option<string?> _questions = new("--arena")
    {
        Description =
            "Let users vote at /arena which of two models answers the questions of this file better; votes are kept in the folder arena under --data",
        HelpName = "FILE",
    };
    readonly Option<string[]> _models = new("--arena-model")
    {
        Description =
            "A model of the arena, as for eval arena: a file, a folder, http://host/v1#NAME, openai:NAME; may be given several times",
        HelpName = "MODEL",
    };
    readonly Option<string[]> _answers = new("--arena-answers")
    {
        Description =
            "A model of the arena by recorded answers (texts, or a folder of pictures, sounds or videos), as for eval arena; may be given several times",
        HelpName = "NAME=FILE",
    };

    public HubArena(Command command) => ServerSettings.Add(command, _questions, _models, _answers);

    /// <summary>The requested arena, or null. It is closed after the server.</summary>
    /// <exception cref="CommandException">It cannot be opened.</exception>
    public async Task<OpenArena?> OpenAsync(ParseResult arguments, string folder, CancellationToken cancellationToken)
    {
        var (models, answers) = (arguments.GetValue(_models) ?? [], arguments.GetValue(_answers) ?? []);
        if (arguments.GetValue(_questions) is not { } questions)
            return models.Length + answers.Length == 0 ? null
                : throw new CommandException("--arena-model and --arena-answers: --arena FILE says what the models are asked");
        try
        {
            return await OpenArena.OfAsync(ArenaQuestion.Read(questions), models, answers,
                new SamplingSettings(Temperature: 0.7, MaxTokens: 1024), Path.Combine(folder, "arena", "votes.jsonl"), cancellationToken);
        }
        catch (EvaluationException e)
        {
            throw new CommandException($"--arena {questions}: {e.Message}");
        }
    }
}
