using Banyan.Runtime.Files;
using Banyan.Runtime.Files.Gguf;
using Banyan.Runtime.Tests.Files;
using Banyan.Runtime.WeightFormats;

namespace Banyan.Runtime.Tests.Models;

/// <summary>A copy of a small model with some of its metadata or tensors changed, for what real files do not show.</summary>
sealed class ChangedModel : IDisposable
{
    readonly TemporaryFolder _folder = new();

    /// <param name="model">A model of ../shared/models.</param>
    /// <param name="keys">Keys to set; null takes a key away.</param>
    /// <param name="more">Tensors to add: vectors of so many zeros.</param>
    /// <param name="tensors">Changes a tensor's bytes, by its name; null takes it away.</param>
    public ChangedModel(string model, Dictionary<string, object?>? keys = null, Dictionary<string, Action<byte[]>?>? tensors = null,
        Dictionary<string, int>? more = null)
    {
        using var file = ModelFile.Open(Reference.Path(model));
        var writer = new GgufWriter();
        var metadata = file.Metadata.All.ToDictionary();
        foreach (var (key, value) in keys ?? [])
            if (value is null)
                metadata.Remove(key);
            else
                metadata[key] = value;
        foreach (var (key, value) in metadata)
            writer.Set(key, value);
        foreach (var tensor in file.Tensors)
        {
            Action<byte[]>? change = null;
            if (tensors?.TryGetValue(tensor.Name, out change) == true && change is null)
                continue;
            writer.Add(tensor.Name, tensor.Format, tensor.Shape, stream =>
            {
                var bytes = Enumerable.Range(0, (int)tensor.Rows).SelectMany(r => tensor.Row(r).ToArray()).ToArray();
                change?.Invoke(bytes);
                stream.Write(bytes);
            });
        }
        foreach (var (name, size) in more ?? [])
            writer.Add(name, WeightFormat.F32, [size], stream => stream.Write(new byte[size * sizeof(float)]));
        Path = System.IO.Path.Combine(_folder.Path, "changed.gguf");
        using var to = File.Create(Path);
        writer.WriteTo(to);
    }

    public string Path { get; }

    public void Dispose() => _folder.Dispose();
}
