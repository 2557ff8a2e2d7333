using System.CommandLine;
using Banyan.Cli.Commands.Eval;
using Banyan.Cli.Hubs;
using Banyan.Evaluation.Models;
using Banyan.Evaluation.Transcripts;
using Banyan.Training;

namespace Banyan.Cli.Commands.Tune;

/// <summary><c>banyan tune distill TEACHER BASE DATA --out DIR</c>: a small model learns from a large one.</summary>
sealed class DistillCommand : Command
{
    readonly Argument<string> _teacher = new("TEACHER")
    {
        Description = "A .gguf, a folder of safetensors, a repo on the hub, or a model behind an API",
    };
    readonly TuneChoices _choices;
    readonly Option<string?> _by = new("--by")
    {
        Description = "logits or text (default: logits of a model on this machine, text of one behind an API)",
    };
    readonly Option<int?> _prompts = new("--prompts") { Description = "By text: at most so many prompts" };
    readonly Option<int> _maxTokens = new("--max-tokens", "-n")
    {
        Description = "By text: the most tokens of an answer",
        DefaultValueFactory = _ => 1024,
    };
    readonly Option<double?> _temperature = new("--temperature", "-T")
    {
        Description =
            "By logits: both distributions are of logits ÷ T (default: 1). By text: of sampling; 0: always the teacher's likeliest token (default: 0)",
    };
    readonly Option<double?> _mix = new("--mix")
    {
        Description = "By logits: the teacher's share of the loss; the rest is the data's own tokens (default: 1)",
    };

    public DistillCommand() : base("distill", $"""
        Have a model learn from a larger one

        By logits the base learns the teacher's distribution of every target of DATA; the teacher is a model on this machine with the same vocabulary.
        By text the teacher answers the prompts of DATA, and the base learns the answers: it may also be http://host/v1#NAME (its key in {ModelSpec.ServerKey}),
        openai:NAME, gemini:NAME or anthropic:NAME (keys in OPENAI_API_KEY, GEMINI_API_KEY, ANTHROPIC_API_KEY). Its answers are kept in DIR; asked again,
        only what is missing is. Whether a service allows that its answers are learned from is for its terms to say.

        Examples:
          banyan tune distill coder-7b.gguf coder-0.5b.gguf src/ --out mine
          banyan tune distill coder-7b.gguf other-0.5b.gguf questions.jsonl --by text --out mine
          banyan tune distill http://localhost:8080/v1#coder coder-0.5b.gguf questions.jsonl --out mine
        """)
    {
        this.AddAll(_teacher);
        _choices = new TuneChoices(this);
        _by.AcceptOnlyFromAmong("logits", "text");
        _prompts.Between(1, int.MaxValue);
        _maxTokens.Between(1, 1 << 20);
        _temperature.Between(0, 100);
        _mix.Between(0, 1);
        this.AddAll(_by, _prompts, _maxTokens, _temperature, _mix);
        SetAction((arguments, cancellationToken) => JudgeChoices.RunAsync(() => ExecuteAsync(arguments, cancellationToken)));
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var run = _choices.Read(arguments);
        if (!run.ObjectiveByData)
            throw new CommandException("--objective is of data with answers: distillation has its own");
        var spec = arguments.GetRequiredValue(_teacher);
        var service = ModelSpec.Open(spec);
        var byText = (arguments.GetValue(_by) ?? (service is null ? "logits" : "text")) == "text";
        if (service is not null && !byText)
            throw new CommandException($"--by logits: '{spec}' is behind an API, which gives no distributions: by text it can teach");
        var (heat, share) = (arguments.GetValue(_temperature), arguments.GetValue(_mix));
        if (byText && heat > 2)
            throw new CommandException($"--temperature {heat}: by text it is that of sampling, 0 to 2");
        if (byText && share is not null)
            throw new CommandException(
                "--mix is of distributions, and by text there are none: the teacher's answers are all that is learned");
        if (!byText && heat < 0.05)
            throw new CommandException($"--temperature {heat}: by logits it divides them, and has to be 0.05 or more");
        var from = service is null ? await ModelPull.FindAsync(spec, cancellationToken) : null;
        if (!byText)
            return await (run with
            {
                Teacher = from,
                Options = run.Options with { Objective = TuneObjective.Distill, DistillTemperature = heat ?? 1, DistillMix = share ?? 1 },
                ObjectiveByData = false
            }).RunAsync();
        var data = await DataPull.FindAsync(run.Data.Path, cancellationToken);
        await using var model = service ?? new LocalModel(from!.Path, run.Threads, requests: 4);
        var isNew = !Directory.Exists(run.Output);
        var (answers, selected) = run.AnswerFiles();
        try
        {
            await TeacherAnswers.WriteAsync(answers, data.Path, model, arguments.GetValue(_prompts),
                new SamplingSettings(heat ?? 0, 1, arguments.GetValue(_maxTokens), null), cancellationToken);
        }
        catch (Exception e) when (e is ModelException or CommandException)
        {
            if (isNew && new FileInfo(answers) is { Exists: false } or { Length: 0 })
                Directory.Delete(run.Output, recursive: true);
            throw new CommandException(e.Message);
        }
        TeacherAnswers.Select(answers, selected);
        await model.DisposeAsync(); // its memory is needed
        return await (run with { Data = run.Data with { Path = selected }, DataName = $"answers of {spec} to {run.Data.Path}" }).RunAsync();
    }
}
