using System.Text.RegularExpressions;
using Banyan.Runtime.Files;
using Banyan.Runtime.Kernels;
using Banyan.Runtime.Models.State;
using Banyan.Runtime.Templates;
using Banyan.Runtime.Tokenizers;

namespace Banyan.Runtime.Models;

/// <summary>
/// A loaded model: configuration, weights, tokenizer, chat template. Give it to an <see cref="Generation.Engine"/> to generate.
/// </summary>
public sealed partial class Model : IDisposable
{
    readonly ModelFile _file;
    readonly Lazy<ChatTemplate?> _template; // a template that cannot be parsed hinders conversation only

    Model(ModelFile file, ModelOptions options, IProgress<LoadProgress>? progress)
    {
        var keys = new ConfigReader(file);
        (_file, Config, Options) = (file, keys.Read(), options);
        Name = NameOf(file);
        _template = new Lazy<ChatTemplate?>(() =>
            file.Metadata.TryGet<string>("tokenizer.chat_template", out var template) && template.Length > 0
            ? ChatTemplate.Parse(template)
            : null);
        Pool = new WorkerPool(options.Threads);
        // A vocabulary of 150,000 tokens takes as long as a gigabyte of weights, which wait for memory meanwhile.
        var tokenizer = Task.Run(() => Tokenizer.Load(file));
        try
        {
            Weights = Weights.Load(keys, Config, Pool, progress);
        }
        catch
        {
            Pool.Dispose();
            tokenizer.ContinueWith(t => t.Exception, TaskScheduler.Default).Wait(); // it reads the file, which is closed next
            throw;
        }
        try
        {
            Tokenizer = tokenizer.GetAwaiter().GetResult();
        }
        catch
        {
            Weights.Dispose();
            Pool.Dispose();
            throw;
        }
        ContextLength = Math.Min(Config.ContextLength, options.ContextLength ?? CacheSize.Affordable(Weights.States, options.KvCache));
    }

    /// <summary>The name people know it by: of its file, or of its folder where the file has a general name.</summary>
    public string Name { get; }

    /// <summary>The file it was loaded from.</summary>
    public string Path => _file.Path;

    /// <summary>Its shape.</summary>
    public Config Config { get; }

    /// <summary>What it was loaded with.</summary>
    public ModelOptions Options { get; }

    /// <summary>The most tokens of a sequence.</summary>
    public int ContextLength { get; }

    /// <summary>Text to tokens and back.</summary>
    public Tokenizer Tokenizer { get; }

    /// <summary>How a conversation becomes text; null for a model that only completes.</summary>
    /// <exception cref="TemplateException">The model's template cannot be parsed.</exception>
    public ChatTemplate? Template => _template.Value;

    /// <summary>Memory of the weights.</summary>
    public long WeightBytes => Weights.Bytes;

    /// <summary>What a token costs.</summary>
    public TokenWork Work => TokenWork.Of(Weights, Precision.Of(Options, Weights.Blocks), Options.KvCache, Ladder.Current);

    /// <summary>The instruction set its kernels use here: <c>avx2</c>.</summary>
    public static string Kernels => Ladder.Current.Name;

    internal Weights Weights { get; }

    internal WorkerPool Pool { get; }

    /// <summary>Loads a model: a .gguf, a .safetensors, or a folder holding one.</summary>
    /// <param name="path">Where it is.</param>
    /// <param name="options">How to compute.</param>
    /// <param name="progress">Told after each tensor.</param>
    /// <exception cref="ModelFileException">The file is missing, damaged, or of an architecture that is not supported.</exception>
    /// <exception cref="ArgumentException">An option is out of range.</exception>
    public static Model Load(string path, ModelOptions? options = null, IProgress<LoadProgress>? progress = null)
    {
        var file = ModelFile.Open(path);
        try
        {
            return Load(file, options, progress);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Loads a model from an open file, which it then owns.</summary>
    /// <inheritdoc cref="Load(string, ModelOptions?, IProgress{LoadProgress}?)"/>
    public static Model Load(ModelFile file, ModelOptions? options = null, IProgress<LoadProgress>? progress = null)
    {
        options ??= new ModelOptions();
        options.Validate();
        return new Model(file, options, progress);
    }

    static string NameOf(ModelFile file)
    {
        var name = PartOfSplit().Replace(System.IO.Path.GetFileNameWithoutExtension(file.Path), "");
        return file.Kind == ModelFileKind.Safetensors && name.StartsWith("model", StringComparison.Ordinal)
            ? System.IO.Path.GetFileName(file.Folder.TrimEnd(System.IO.Path.DirectorySeparatorChar))
            : name;
    }

    [GeneratedRegex(@"-\d{5}-of-\d{5}\z|\.safetensors\.index\z|\.safetensors\z")]
    private static partial Regex PartOfSplit();

    /// <summary>Frees the weights and unmaps the file. Engines over it are to be disposed first.</summary>
    public void Dispose()
    {
        Weights.Dispose();
        Pool.Dispose();
        _file.Dispose();
    }
}
