using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Generation.Speculation;
using Banyan.Runtime.Models;
using Banyan.Runtime.Prompts;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan run MODEL [PROMPT]</c>: one answer, as it is generated.</summary>
sealed class Run : Command
{
    readonly ModelChoice _model;
    readonly Argument<string?> _prompt = new("PROMPT")
    {
        Description = "The prompt; what is piped in follows it",
        Arity = ArgumentArity.ZeroOrOne,
    };
    readonly Option<bool> _raw = new("--raw") { Description = "Continue the prompt as it is, without the chat template" };
    readonly Option<string?> _system = new("--system") { Description = "The system message" };
    readonly Option<bool> _fim = new("--fim") { Description = "Fill in at the cursor marker of the prompt" };
    readonly Option<string> _cursor = new("--cursor") { Description = "The cursor marker", DefaultValueFactory = _ => "<CURSOR>" };
    readonly Option<string?> _prefix = new("--prefix") { Description = "Fill in after this file's text" };
    readonly Option<string?> _suffix = new("--suffix") { Description = "Fill in before this file's text" };
    readonly Option<string> _speculation = new("--speculation")
    {
        Description = "Guess from text that stood before: on or off; never changes the text",
        DefaultValueFactory = _ => "on",
    };
    readonly Option<bool> _json = CommandParts.Json("Print one JSON object at the end");
    readonly Sampling _sampling;

    public Run() : base("run", """
        Generate text from a prompt, given as an argument or on stdin

        A model with a chat template answers the prompt; without one, or with --raw, it continues it.

        Examples:
          banyan run story.gguf "Once upon a time" -n 100
          git diff | banyan run coder.gguf "Explain this change:"
          banyan run banyan/sprout "public static int Add("     from the hub: see banyan pull
          banyan run coder.gguf --fim < file-with-<CURSOR>.cs
          banyan run coder.gguf --prefix before.cs --suffix after.cs
          banyan run coder-7b.gguf --draft coder-0.5b.gguf "Write a parser"
          banyan run chat.gguf "Who wrote Faust, and when?" --schema answer.json     JSON that the schema allows, nothing else
          banyan run coder.gguf --adapter mine/ "Write a parser"     as it was tuned: see banyan tune
        """)
    {
        _model = new ModelChoice(this).WithDraft(this).WithAdapter(this);
        _speculation.AcceptOnlyFromAmong("on", "off");
        this.AddAll(_prompt, _raw, _system, _fim, _cursor, _prefix, _suffix, _speculation, _json);
        _sampling = new Sampling(this);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var fills = arguments.GetValue(_fim) || arguments.GetValue(_prefix) is not null || arguments.GetValue(_suffix) is not null;
        var options = _sampling.Read(arguments, fills ? 0 : 0.7f);
        // Files are read before the model is, so that a wrong name costs no loading.
        var text = arguments.GetValue(_prefix) is null && arguments.GetValue(_suffix) is null
            ? await PromptText(arguments.GetValue(_prompt), cancellationToken) : "";
        var (before, after) = fills ? Halves(text) : ("", "");
        using var loaded = await _model.LoadAsync(arguments, cancellationToken);
        options = options with { Adapter = _model.LoadAdapter(arguments, loaded) };
        using var draft = await _model.LoadDraftAsync(arguments, loaded, cancellationToken);
        await using var engine = new Engine(loaded,
            new EngineOptions { MaxRequests = 1, CacheTokens = 1, Speculation = arguments.GetValue(_speculation) == "on", Draft = draft });
        if (!fills && loaded.Template is not null && !arguments.GetValue(_raw))
        {
            var turn = Conversation.With(loaded)
                .Prepare(new TurnRequest { Messages = Messages(arguments.GetValue(_system), text), Options = options });
            return await Answer(turn.GenerateAsync(engine, cancellationToken), turn.NewAnswer(), arguments.GetValue(_json));
        }
        var (tokens, settings) = fills ? Fim.Prepare(loaded.Tokenizer, engine.ContextLength, before, after, options)
            : (loaded.Tokenizer.Encode(text), options);
        return await Answer(engine.GenerateAsync(tokens, settings, cancellationToken), new TurnAnswer(), arguments.GetValue(_json));

        (string, string) Halves(string marked)
        {
            if (arguments.GetValue(_prefix) is not null || arguments.GetValue(_suffix) is not null)
                return (Read(arguments.GetValue(_prefix)), Read(arguments.GetValue(_suffix)));
            var marker = arguments.GetRequiredValue(_cursor);
            var at = marker.Length == 0 ? -1 : marked.IndexOf(marker, StringComparison.Ordinal);
            return at < 0
                ? throw new CommandException(
                    $"the prompt has no '{marker}': put it where the text is to be filled in, or give --prefix and --suffix files")
                : (marked[..at], marked[(at + marker.Length)..]);
        }
    }

    static async Task<int> Answer(IAsyncEnumerable<Generated> pieces, TurnAnswer answer, bool json)
    {
        var (tokens, printer) = (new JsonArray(), new AnswerPrinter());
        await foreach (var generated in pieces)
        {
            var parts = answer.Take(generated);
            if (json)
                tokens.Add(generated.Token);
            else
                foreach (var part in parts)
                    printer.Write(part);
        }
        var statistics = answer.Statistics!;
        if (json)
        {
            var result = new JsonObject
            {
                ["text"] = answer.Text,
                ["tokens"] = tokens,
                ["finish"] = answer.Finish == FinishReason.Stop ? "stop" : "length",
                ["prompt_tokens"] = statistics.PromptTokens,
                ["generated_tokens"] = statistics.GeneratedTokens,
                ["drafted_tokens"] = statistics.DraftedTokens,
                ["accepted_tokens"] = statistics.AcceptedTokens,
                ["prefill"] = Math.Round(statistics.PromptSpeed, 2),
                ["decode"] = Math.Round(statistics.GenerateSpeed, 2),
            };
            if (answer.Reasoning.Length > 0)
                result.Insert(1, "reasoning", answer.Reasoning);
            Console.Out.WriteLine(result.ToJsonString());
        }
        else
        {
            Console.Out.WriteLine();
            if (!Console.IsErrorRedirected)
                Console.Error.WriteLine(Speed(statistics));
        }
        return 0;
    }

    /// <summary>A line about speed, printed after an answer.</summary>
    public static string Speed(GenerationStatistics statistics) => string.Create(CultureInfo.InvariantCulture,
        $"[{statistics.PromptTokens} prompt tokens, {statistics.PromptSpeed:0.#}/s; {statistics.GeneratedTokens} generated, {statistics.GenerateSpeed:0.#}/s]");

    static JsonArray Messages(string? system, string user)
    {
        var messages = new JsonArray();
        if (system is not null)
            messages.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = system });
        messages.Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = user });
        return messages;
    }

    static async Task<string> PromptText(string? argument, CancellationToken cancellationToken)
    {
        var piped = Console.IsInputRedirected ? await StandardStreams.ReadAllAsync(null, cancellationToken) : "";
        return argument is null
            ? piped.Length > 0 ? piped : throw new CommandException("there is no prompt: give one as an argument or pipe it in")
            : piped.Length > 0 ? $"{argument}\n{piped}" : argument;
    }

    static string Read(string? file) => file is null ? "" : File.Exists(file) ? File.ReadAllText(file)
        : throw new CommandException($"there is no file '{file}'");
}
