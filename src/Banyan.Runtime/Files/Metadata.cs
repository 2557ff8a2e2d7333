using System.Diagnostics.CodeAnalysis;

namespace Banyan.Runtime.Files;

/// <summary>
/// What a model file says about itself, under GGUF's key names for every kind of file (docs/model-files.md lists those of safetensors).
/// </summary>
public sealed class Metadata
{
    readonly string _path;
    readonly Dictionary<string, object> _values; // numbers, bool, string, arrays, or a MetadataArray that is made when asked for

    internal Metadata(string path, Dictionary<string, object> values) => (_path, _values) = (path, values);

    /// <summary>How many keys there are.</summary>
    public int Count => _values.Count;

    /// <summary>Every key, in the file's order.</summary>
    public IReadOnlyCollection<string> Keys => _values.Keys;

    /// <summary>Whether the key is there.</summary>
    public bool Contains(string key) => _values.ContainsKey(key);

    /// <summary>
    /// The value of a key, as a number (widths convert where the value fits), <c>bool</c>, <c>string</c>, or an array of those.
    /// </summary>
    /// <returns>False if the key is missing.</returns>
    /// <exception cref="ModelFileException">The key is there, but its value is no <typeparamref name="T"/>.</exception>
    public bool TryGet<T>(string key, [MaybeNullWhen(false)] out T value)
    {
        value = default;
        if (!_values.TryGetValue(key, out var stored))
            return false;
        if (stored is MetadataArray array)
            stored = array.Values;
        if (MetadataConversion.TryConvert(stored, out value))
            return true;
        throw new ModelFileException(_path,
            $"metadata '{key}' is {MetadataConversion.Describe(stored)}, where {MetadataConversion.NameOf(typeof(T))} is needed; the file is damaged or its writer is at fault");
    }

    /// <summary>The value of a key that must be there.</summary>
    /// <exception cref="ModelFileException">It is missing, or no <typeparamref name="T"/>.</exception>
    public T Get<T>(string key) => TryGet<T>(key, out var value)
        ? value
        : throw new ModelFileException(_path,
            $"metadata '{key}' is missing; the file was not made for this kind of model, or its writer is at fault");

    /// <summary>The value of a key, or <paramref name="fallback"/> where it is missing.</summary>
    /// <exception cref="ModelFileException">It is there, but no <typeparamref name="T"/>.</exception>
    public T Get<T>(string key, T fallback) => TryGet<T>(key, out var value) ? value : fallback;

    /// <summary>Every key and value in the file's order; arrays are made as they are reached.</summary>
    public IEnumerable<KeyValuePair<string, object>> All =>
        _values.Select(pair => pair.Value is MetadataArray array ? new(pair.Key, array.Values) : pair);
}

/// <summary>
/// An array that is in the file until it is asked for: a vocabulary of 150,000 strings costs nothing to those who do not need it.
/// </summary>
sealed class MetadataArray(Func<Array> make)
{
    Array? _values;

    /// <summary>The elements; made once.</summary>
    public Array Values => _values ?? Interlocked.CompareExchange(ref _values, make(), null) ?? _values!;
}
