using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Files;

/// <summary>
/// A model's weights and metadata, memory-mapped and never copied into memory. Keys and tensor names are GGUF's for every kind of file, so
/// that readers need only one vocabulary.
/// </summary>
public sealed class ModelFile : IDisposable
{
    readonly IReadOnlyList<Mapping> _mappings;
    readonly Dictionary<string, Tensor> _byName;
    readonly ConcurrentDictionary<string, bool> _asked = new();

    internal ModelFile(string path, ModelFileKind kind, Metadata metadata, ConfigKeys keys, IReadOnlyList<Tensor> tensors,
        IReadOnlyList<Mapping> mappings)
    {
        (Path, Kind, Metadata, Keys, Tensors, _mappings) = (path, kind, metadata, keys, tensors, mappings);
        Folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        _byName = tensors.ToDictionary(t => t.Name);
    }

    /// <summary>
    /// Opens a model: a .gguf (any part of a split set), a .safetensors, a model.safetensors.index.json, or a folder that holds one (where
    /// it holds both kinds, its only GGUF).
    /// </summary>
    /// <exception cref="ModelFileException">It is missing, damaged, hostile or of an unsupported kind.</exception>
    public static ModelFile Open(string path)
    {
        var file = ModelPath.Find(path);
        try
        {
            return file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)
                || file.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
                ? SafetensorsModel.Open(file)
                : GgufModel.Open(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFileException(file, $"cannot be read: {SystemProblem.Of(e)}", e);
        }
    }

    /// <summary>The file that was opened; of a set, the first.</summary>
    public string Path { get; }

    /// <summary>What kind of file it is.</summary>
    public ModelFileKind Kind { get; }

    /// <summary>Its folder, which also holds tokenizer.json and similar files.</summary>
    public string Folder { get; }

    /// <summary>Its metadata.</summary>
    public Metadata Metadata { get; }

    /// <summary>What its configuration asks for beyond what is computed here.</summary>
    internal ConfigKeys Keys { get; }

    /// <summary>
    /// Keys of its configuration that change the computation to one that is not implemented, each with its value; such a model is not
    /// loaded.
    /// </summary>
    public IReadOnlyList<string> RefusedKeys => Keys.Refused;

    /// <summary>Keys of its configuration that Banyan does not know and does not read.</summary>
    public IReadOnlyList<string> UnknownKeys => Keys.Unknown;

    /// <summary>Its tensors, in the file's order.</summary>
    public IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>The total size of its files in bytes.</summary>
    public long ByteLength => _mappings.Sum(m => m.Length);

    /// <summary>Its files.</summary>
    public IReadOnlyList<string> Files => [.. _mappings.Select(m => m.Path)];

    /// <summary>The tensor of that GGUF name, if there is one.</summary>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out Tensor? tensor)
    {
        _asked.TryAdd(name, true);
        return _byName.TryGetValue(name, out tensor);
    }

    /// <summary>The tensor of that GGUF name.</summary>
    /// <exception cref="ModelFileException">There is no such tensor.</exception>
    public Tensor GetTensor(string name) => TryGetTensor(name, out var tensor)
        ? tensor
        : throw new ModelFileException(Path,
            $"tensor '{name}' is missing among its {Tensors.Count}; the file is incomplete or not of the architecture it names");

    /// <summary>Refuses a model whose layers contain weights that no block reads: without them the result would be wrong.</summary>
    /// <param name="layers">How many layers are computed; tensors outside them (a vision part, multi-token prediction layers) are
    /// ignored.</param>
    /// <exception cref="ModelFileException">There are some.</exception>
    internal void RefuseUnread(int layers)
    {
        var unread = Tensors.Select(t => t.Name)
            .Where(name => !_asked.ContainsKey(name) && ModelTensors.IsComputed(name, layers)).Take(4).ToList();
        if (unread.Count > 0)
            throw new ModelFileException(Path,
                $"nothing here computes with tensor {string.Join(", ", unread.Select(name => $"'{name}'"))}; the model is of another kind than '{Metadata.Get("general.architecture", "")}' as it is implemented");
    }

    /// <summary>Unmaps the files. Pointers into them are invalid from here on.</summary>
    public void Dispose()
    {
        foreach (var mapping in _mappings)
            mapping.Dispose();
    }
}
