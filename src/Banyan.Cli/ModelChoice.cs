using System.CommandLine;
using Banyan.Cli.Hubs;
using Banyan.Runtime.Adapters;
using Banyan.Runtime.Generation;
using Banyan.Runtime.Models;

namespace Banyan.Cli;

/// <summary>The MODEL argument and the options for loading, the same for every command that computes.</summary>
sealed class ModelChoice
{
    readonly Argument<string> _path = new("MODEL")
    {
        Description = "A .gguf, a .safetensors, a folder with one, or a repo on the hub: owner/name[@revision][:part of a file's name]",
    };
    readonly Option<int?> _threads = CommandParts.Threads();
    readonly Option<int?> _context = new("--context")
    {
        Description = "The most tokens of prompt and answer (default: what the model was trained for)",
    };
    readonly Option<string> _activations = new("--activations")
    {
        Description = "quantized (fast) or float (exact)",
        DefaultValueFactory = _ => "quantized",
    };
    readonly Option<string?> _kv = new("--kv")
    {
        Description = "Keys and values in q8_0, f16 or f32 (default: f16, f32 with float activations)",
    };

    readonly Option<string?> _draft = new("--draft")
    {
        Description = "A smaller model with the same tokenizer that guesses ahead; never changes the text",
        HelpName = "MODEL",
    };

    readonly Option<string?> _adapter = new("--adapter")
    {
        Description = "A LoRA or DoRA adapter of the model: a folder that PEFT or 'banyan tune' wrote, or a .gguf",
        HelpName = "DIR",
    };

    /// <summary>Adds its argument and options to a command.</summary>
    public ModelChoice(Command command)
    {
        _activations.AcceptOnlyFromAmong("quantized", "float");
        _kv.AcceptOnlyFromAmong("q8_0", "f16", "f32");
        _context.Between(2, int.MaxValue);
        command.AddAll(_path, _threads, _context, _activations, _kv);
    }

    /// <summary>Adds the option of a draft model, for commands that generate.</summary>
    public ModelChoice WithDraft(Command command)
    {
        command.Options.Add(_draft);
        return this;
    }

    /// <summary>Adds the option of an adapter, for commands that generate.</summary>
    public ModelChoice WithAdapter(Command command)
    {
        command.Options.Add(_adapter);
        return this;
    }

    /// <summary>The adapter for a loaded model; null if none was chosen.</summary>
    /// <exception cref="CommandException">It belongs to another model.</exception>
    public ModelAdapter? LoadAdapter(ParseResult arguments, Model model)
    {
        if (arguments.GetValue(_adapter) is not { } path)
            return null;
        try
        {
            return model.AddAdapter(Path.GetFileNameWithoutExtension(Path.TrimEndingDirectorySeparator(path)),
                AdapterWeights.Read(path, model.Config));
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new CommandException($"--adapter {path}: {e.Message}");
        }
    }

    /// <summary>The draft model for a loaded one; null if none was chosen.</summary>
    /// <exception cref="CommandException">It has another vocabulary.</exception>
    public async Task<Model?> LoadDraftAsync(ParseResult arguments, Model model, CancellationToken cancellationToken)
    {
        if (arguments.GetValue(_draft) is not { } name)
            return null;
        var path = await ModelPull.PathAsync(name, cancellationToken);
        using var bar = new Progress.LoadingBar(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)));
        var draft = Model.Load(path, model.Options with { ContextLength = null }, bar);
        try
        {
            Engine.CheckDraft(draft, model);
            return draft;
        }
        catch (ArgumentException e)
        {
            draft.Dispose();
            throw new CommandException($"--draft {name}: {e.Message}");
        }
    }

    /// <summary>
    /// Loads the chosen model, pulling it from the hub if it is a repo. On a terminal a bar is shown if that takes longer than a moment.
    /// </summary>
    public async Task<Model> LoadAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var path = await ModelPull.PathAsync(arguments.GetRequiredValue(_path), cancellationToken);
        var isFloat = arguments.GetValue(_activations) == "float";
        using var bar = new Progress.LoadingBar(Path.GetFileName(Path.TrimEndingDirectorySeparator(path)));
        var context = arguments.GetValue(_context);
        var model = Model.Load(path, new ModelOptions
        {
            Threads = arguments.GetValue(_threads) ?? new ModelOptions().Threads,
            ContextLength = context,
            Activations = isFloat ? ActivationFormat.Float : ActivationFormat.Quantized,
            KvCache = Enum.Parse<KvFormat>(arguments.GetValue(_kv) ?? (isFloat ? "f32" : "f16"), ignoreCase: true),
        }, bar);
        if (context <= model.Config.ContextLength || context is null)
            return model;
        model.Dispose();
        throw new CommandException($"--context {context}: the model has a context of {model.Config.ContextLength} tokens");
    }
}
