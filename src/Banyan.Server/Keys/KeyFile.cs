using System.Text.Json;
using System.Text.Json.Serialization;
using Banyan.Server.Storage;

namespace Banyan.Server.Keys;

/// <summary>A file of API keys cannot be read or changed; the message says why and what to do.</summary>
public sealed class KeyFileException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// The keys of a server and, in a file beside them, what each was used for. Both are JSON, readable for their owner alone, and replaced as
/// a whole; whoever changes them locks a third file, so that commands and several servers do not overwrite each other's changes.
/// </summary>
public sealed class KeyFile(string path)
{
    const long LargestFile = 16 << 20;
    const int MostKeys = 10_000;
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    /// <summary>Where the keys are.</summary>
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    /// <summary>Whether it exists: keys are then required, even if it contains none.</summary>
    public bool Exists => File.Exists(Path);

    string UsagePath => System.IO.Path.ChangeExtension(Path, ".usage.json");

    /// <summary>Its keys; none if there is no file.</summary>
    /// <exception cref="KeyFileException">It cannot be read, or is not a file of keys.</exception>
    public IReadOnlyList<ApiKey> Read()
    {
        var keys = Read(Path, KeyJson.Default.ApiKeyList)?.Keys ?? [];
        var problems = keys.SelectMany(k => k.Problems())
            .Concat(keys.GroupBy(k => k.Name, StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1)
                .Select(g => $"two keys are called '{g.Key}'")).Take(4).ToList();
        return problems.Count == 0 ? keys : throw new KeyFileException($"{Path}: {string.Join("; ", problems)}");
    }

    /// <summary>Makes a key and returns its text, which is not stored.</summary>
    /// <param name="key">Its name and limits.</param>
    /// <exception cref="KeyFileException">There is one of this name, or the file cannot be changed.</exception>
    public string Add(ApiKey key)
    {
        var text = ApiKey.NewText();
        var added = key with { Hash = ApiKey.HashOf(text) };
        if (added.Problems().FirstOrDefault() is { } problem)
            throw new KeyFileException(problem);
        Change(keys => keys.Any(k => string.Equals(k.Name, key.Name, StringComparison.OrdinalIgnoreCase))
            ? throw new KeyFileException($"there is a key '{key.Name}' already: remove it first, or choose another name")
            : keys.Count >= MostKeys ? throw new KeyFileException($"there are {MostKeys} keys, which is the most") : [.. keys, added]);
        return text;
    }

    /// <summary>Revokes a key immediately.</summary>
    /// <exception cref="KeyFileException">There is none of this name, or the file cannot be changed.</exception>
    public void Remove(string name) =>
        Change(keys => keys.Where(k => !string.Equals(k.Name, name, StringComparison.OrdinalIgnoreCase)).ToList() is var left
            && left.Count < keys.Count ? left
        : throw new KeyFileException(keys.Count == 0 ? $"there is no key '{name}': {Path} has none"
            : $"there is no key '{name}': {string.Join(", ", keys.Take(20).Select(k => k.Name))}"));

    /// <summary>What keys were used for, by their names; a removed key's is kept.</summary>
    /// <exception cref="KeyFileException">The file cannot be read.</exception>
    public IReadOnlyDictionary<string, KeyUsage> ReadUsage() => Read(UsagePath, KeyJson.Default.DictionaryStringKeyUsage) ?? [];

    /// <summary>Adds to what keys were used for; returns it all.</summary>
    internal IReadOnlyDictionary<string, KeyUsage> AddUsage(IReadOnlyDictionary<string, KeyUsage> more)
    {
        using var held = Hold();
        var all = new Dictionary<string, KeyUsage>(ReadUsage());
        foreach (var (name, usage) in more)
            all[name] = all.GetValueOrDefault(name, KeyUsage.None).Plus(usage);
        Write(UsagePath, all, KeyJson.Default.DictionaryStringKeyUsage);
        return all;
    }

    void Change(Func<IReadOnlyList<ApiKey>, IReadOnlyList<ApiKey>> change)
    {
        using var held = Hold();
        Write(Path, new ApiKeyList(change(Read())), KeyJson.Default.ApiKeyList);
    }

    // The lock is on a file of its own: the others are replaced.
    FileStream Hold()
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                Private.CreateFolder(System.IO.Path.GetDirectoryName(Path)!);
                return Private.Create(Path + ".lock",
                    new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None });
            }
            catch (IOException) when (File.Exists(Path + ".lock") && TimeProvider.System.GetElapsedTime(began) < s_patience)
            {
                Thread.Sleep(5);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new KeyFileException($"{Path} cannot be changed: {SystemProblem.Of(e)}", e);
            }
        }
    }

    static T? Read<T>(string path, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type) where T : class
    {
        try
        {
            if (!File.Exists(path))
                return null;
            if (new FileInfo(path).Length > LargestFile)
                throw new KeyFileException($"{path} is larger than a file of keys can be ({LargestFile >> 20} MiB)");
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type)
                ?? throw new KeyFileException($"{path} is no file of keys: it says null");
        }
        catch (JsonException e)
        {
            throw new KeyFileException($"{path} is no file of keys as banyan key makes it: line {e.LineNumber + 1}, {e.Path}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new KeyFileException($"{path} cannot be read: {SystemProblem.Of(e)}", e);
        }
    }

    static void Write<T>(string path, T value, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        var temporary = $"{path}-{Guid.NewGuid():N}";
        try
        {
            using (var file = Private.Create(temporary,
                new() { Mode = FileMode.CreateNew, Access = FileAccess.Write, Share = FileShare.None }))
            {
                JsonSerializer.Serialize(file, value, type);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw new KeyFileException($"{path} cannot be written: {SystemProblem.Of(e)}", e);
        }
    }
}

sealed record ApiKeyList(IReadOnlyList<ApiKey> Keys);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ApiKeyList))]
[JsonSerializable(typeof(Dictionary<string, KeyUsage>))]
sealed partial class KeyJson : JsonSerializerContext;
