using System.CommandLine;
using Banyan.Cli.Hubs;
using Banyan.Cli.Settings;
using Banyan.Runtime.Files;
using Banyan.Runtime.Models;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan serve MODEL</c>: models over HTTP.</summary>
sealed class Serve : Command
{
    readonly Argument<string[]> _models = new("MODEL")
    {
        Description = "A .gguf, a .safetensors, a folder with one, or a repo on the hub",
        Arity = ArgumentArity.OneOrMore,
    };
    readonly Option<string?> _draft = new("--draft")
    {
        Description = "A smaller model with the same tokenizer that guesses ahead for all of them; never changes a text",
        HelpName = "MODEL",
    };
    readonly Option<string[]> _adapters = new("--adapter")
    {
        Description = "A LoRA or DoRA adapter of the first model, served under its own name beside it (may be given several times)",
        HelpName = "DIR",
    };
    readonly Option<string> _data = KeyChoice.NewDataOption();
    readonly ServerChoice _server;

    public Serve() : base("serve", """
        Serve models over HTTP: the APIs of OpenAI, Anthropic, Ollama and llama-server, and a playground

        The first model answers requests that name none; the others are loaded when they are first asked for.

        Examples:
          banyan serve qwen2.5-coder-1.5b-q4_k_m.gguf
          banyan serve owner/name:q4_k_m                       pulled from the hub where it is not here
          banyan serve coder-7b.gguf --draft coder-0.5b.gguf
          banyan serve coder.gguf --adapter mine/ --adapter theirs/       each under its folder's name
          banyan serve coder.gguf chat.gguf --port 9000             (banyan key add NAME: with API keys)
          banyan serve embedder.gguf reranker.gguf             /v1/embeddings and /v1/rerank
          curl localhost:8080/v1/completions -d '{"prompt": "def add(a, b):", "max_tokens": 32}'
        """)
    {
        this.AddAll(_models, _draft, _adapters);
        ServerSettings.Add(this, _data);
        _server = new ServerChoice(this);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var paths = new List<string>();
        foreach (var model in arguments.GetRequiredValue(_models))
            paths.Add(await ModelPull.PathAsync(model, cancellationToken));
        // What is no model is said now, and not when it is first asked for.
        foreach (var path in paths)
        {
            using var file = ModelFile.Open(path);
            _ = Config.Read(file);
        }
        foreach (var adapter in arguments.GetValue(_adapters) ?? [])
            if (!File.Exists(adapter) && !Directory.Exists(adapter))
                throw new CommandException($"--adapter {adapter}: there is no such file or folder");
        return await _server.RunAsync(arguments, paths, null, null, Path.GetFullPath(arguments.GetRequiredValue(_data)), cancellationToken,
            arguments.GetValue(_draft) is { } name ? await ModelPull.PathAsync(name, cancellationToken) : null,
            arguments.GetValue(_adapters));
    }
}
