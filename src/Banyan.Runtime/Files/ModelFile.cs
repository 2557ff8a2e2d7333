using System.Diagnostics.CodeAnalysis;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Files.Safetensors;

namespace Banyan.Runtime.Files;

/// <summary>
/// A model's weights and what it says of itself: memory-mapped, never read into memory. Keys and tensor names are GGUF's, whatever the
/// kind of file, so that what reads a model knows one vocabulary.
/// </summary>
public sealed class ModelFile : IDisposable
{
    readonly IReadOnlyList<Mapping> _mappings;
    readonly Dictionary<string, Tensor> _byName;

    internal ModelFile(string path, ModelFileKind kind, Metadata metadata, IReadOnlyList<Tensor> tensors, IReadOnlyList<Mapping> mappings)
    {
        (Path, Kind, Metadata, Tensors, _mappings) = (path, kind, metadata, tensors, mappings);
        Folder = System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!;
        _byName = tensors.ToDictionary(t => t.Name);
    }

    /// <summary>
    /// Opens a model: a .gguf (any part of a split set), a .safetensors, a model.safetensors.index.json, or a folder that holds one (where
    /// it holds both kinds, its only GGUF).
    /// </summary>
    /// <exception cref="ModelFileException">There is none, or it is damaged, hostile or of a kind that cannot be read.</exception>
    public static ModelFile Open(string path)
    {
        var file = ModelPath.Find(path);
        try
        {
            return file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase) || file.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
                ? SafetensorsModel.Open(file)
                : GgufModel.Open(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFileException(file, $"cannot be read: {e.Message}", e);
        }
    }

    /// <summary>The file that was opened; of a set, the first.</summary>
    public string Path { get; }

    /// <summary>What kind of file it is.</summary>
    public ModelFileKind Kind { get; }

    /// <summary>The folder it lies in, where tokenizer.json and its like are.</summary>
    public string Folder { get; }

    /// <summary>What it says of itself.</summary>
    public Metadata Metadata { get; }

    /// <summary>Its tensors, in the file's order.</summary>
    public IReadOnlyList<Tensor> Tensors { get; }

    /// <summary>Bytes of its files together.</summary>
    public long ByteLength => _mappings.Sum(m => m.Length);

    /// <summary>The files it lies in.</summary>
    public IReadOnlyList<string> Files => [.. _mappings.Select(m => m.Path)];

    /// <summary>The tensor of that GGUF name, if there is one.</summary>
    public bool TryGetTensor(string name, [NotNullWhen(true)] out Tensor? tensor) => _byName.TryGetValue(name, out tensor);

    /// <summary>The tensor of that GGUF name.</summary>
    /// <exception cref="ModelFileException">There is none.</exception>
    public Tensor GetTensor(string name) => TryGetTensor(name, out var tensor)
        ? tensor
        : throw new ModelFileException(Path, $"tensor '{name}' is missing among its {Tensors.Count}; the file is incomplete or not of the architecture it names");

    /// <summary>Unmaps the files. Pointers into them are invalid from here on.</summary>
    public void Dispose()
    {
        foreach (var mapping in _mappings)
            mapping.Dispose();
    }
}
