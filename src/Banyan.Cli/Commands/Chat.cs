using System.CommandLine;
using System.Text.Json.Nodes;
using Banyan.Cli.Editing;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Prompts;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan chat MODEL</c>: a conversation.</summary>
sealed class Chat : Command
{
    const string Help = """
        /system TEXT  set the system message and begin again
        /reset        forget the conversation
        /help         this
        /exit         leave; Ctrl-D too. Ctrl-C stops an answer, and clears the line
        """;

    readonly ModelChoice _model;
    readonly Option<string?> _system = new("--system") { Description = "The system message" };
    readonly Sampling _sampling;

    public Chat() : base("chat", """
        Talk with a model that has a chat template

        Lines piped in are answered one after the other. Ctrl-C stops an answer, Ctrl-D leaves.

        Examples:
          banyan chat qwen2.5-coder-1.5b-instruct-q8_0.gguf
          echo "What is a banyan?" | banyan chat model.gguf --system "Answer in one sentence."
        """)
    {
        _model = new ModelChoice(this).WithAdapter(this);
        this.AddAll(_system);
        _sampling = new Sampling(this);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var options = _sampling.Read(arguments);
        using var loaded = await _model.LoadAsync(arguments, cancellationToken);
        options = options with { Adapter = _model.LoadAdapter(arguments, loaded) };
        if (loaded.Template is null)
            throw new CommandException($"{loaded.Name} has no chat template: it completes text. Use 'banyan run', or an instruct model");
        await using var engine = new Engine(loaded, new EngineOptions { MaxRequests = 1, CacheTokens = 1 });
        await new Talk(engine, options, arguments.GetValue(_system)).Run(cancellationToken);
        return 0;
    }

    sealed class Talk(Engine engine, GenerationOptions options, string? system)
    {
        readonly Conversation _conversation = Conversation.With(engine.Model);
        readonly bool _interactive = !Console.IsInputRedirected && !Console.IsOutputRedirected;
        readonly LineEditor? _editor = Console.IsInputRedirected || Console.IsOutputRedirected
            || Environment.GetEnvironmentVariable("TERM") == "dumb" ? null : LineEditor.OnTerminal();
        JsonArray _messages = Begin(system);
        CancellationTokenSource? _answering;

        public async Task Run(CancellationToken cancellationToken)
        {
            Console.CancelKeyPress += Stop;
            try
            {
                if (_interactive)
                    Console.WriteLine($"{engine.Model.Name}. /help lists what can be typed.");
                while (ReadLine() is { } line && !cancellationToken.IsCancellationRequested)
                    if (line.StartsWith('/'))
                    {
                        if (!Command(line))
                            return;
                    }
                    else if (line.Trim().Length > 0)
                        await Answer(line, cancellationToken);
            }
            finally
            {
                Console.CancelKeyPress -= Stop;
            }
        }

        // Ctrl-C ends an answer; without one it ends the program.
        void Stop(object? sender, ConsoleCancelEventArgs e)
        {
            if (_answering is not { } answering)
                return;
            e.Cancel = true;
            answering.Cancel();
        }

        string? ReadLine()
        {
            if (_editor is null)
                return Console.In.ReadLine();
            Console.WriteLine();
            return _editor.Read();
        }

        bool Command(string line)
        {
            var (name, rest) = line.Split(' ', 2) is [var first, var second] ? (first, second) : (line, "");
            switch (name)
            {
                case "/exit" or "/quit" or "/bye":
                    return false;
                case "/reset":
                    _messages = Begin(system);
                    break;
                case "/system":
                    _messages = Begin(system = rest.Trim());
                    break;
                case "/help":
                    Console.WriteLine(_editor is null ? Help : $"{Help}\n{LineEditor.Keys}");
                    break;
                default:
                    Console.Error.WriteLine($"{name} is unknown; /help lists what can be typed");
                    break;
            }
            return true;
        }

        async Task Answer(string line, CancellationToken cancellationToken)
        {
            _messages.Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = line });
            using var answering = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            _answering = answering;
            var (answer, printer) = (new TurnAnswer(), new AnswerPrinter());
            try
            {
                var turn = _conversation.Prepare(new TurnRequest { Messages = _messages, Options = options },
                    maxTokens: engine.ContextLength - 1);
                answer = turn.NewAnswer();
                await foreach (var generated in turn.GenerateAsync(engine, answering.Token))
                {
                    foreach (var part in answer.Take(generated))
                        printer.Write(part);
                    if (generated.Statistics is { } statistics && _interactive)
                        Console.Error.Write($"\n{Commands.Run.Speed(statistics)}");
                }
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                Console.Out.Write(" …");
            }
            catch (ContextLengthException)
            {
                _messages.RemoveAt(_messages.Count - 1);
                Console.Error.WriteLine(
                    $"the conversation no longer fits the context of {engine.ContextLength} tokens: /reset begins a new one");
                return;
            }
            finally
            {
                _answering = null;
            }
            Console.Out.WriteLine();
            var message = new JsonObject { ["role"] = "assistant", ["content"] = answer.Text };
            // Templates of families that want it there put it back into the prompt.
            if (answer.Reasoning.Length > 0)
                message["reasoning_content"] = answer.Reasoning;
            _messages.Add((JsonNode)message);
        }

        static JsonArray Begin(string? system) =>
            string.IsNullOrEmpty(system) ? [] : [new JsonObject { ["role"] = "system", ["content"] = system }];
    }
}
