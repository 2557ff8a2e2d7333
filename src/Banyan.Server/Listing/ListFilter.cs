using System.Globalization;
using Banyan.Server.Access;
using Banyan.Server.Cards;
using Banyan.Server.Files;
using Banyan.Server.Repos;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Banyan.Server.Listing;

/// <summary>The filters of a list, as Hugging Face's clients send them.</summary>
sealed record ListFilter
{
    const int MaxWords = 10, MaxTags = 50;

    /// <summary>A tag that the index gives to no repository.</summary>
    const string Nothing = "=nothing";

    static readonly Dictionary<string, string> s_apps = new(StringComparer.OrdinalIgnoreCase)
    {
        ["llama.cpp"] = "gguf",
        ["ollama"] = "gguf",
        ["lmstudio"] = "gguf",
        ["jan"] = "gguf",
        ["koboldcpp"] = "gguf",
        ["banyan"] = "gguf",
        ["vllm"] = "safetensors",
        ["sglang"] = "safetensors",
        ["tgi"] = "safetensors",
    };

    public RepoType Type { get; init; }

    /// <summary>Only those of this namespace.</summary>
    public string? Author { get; init; }

    /// <summary>Words that the name must have somewhere, in lower case.</summary>
    public IReadOnlyList<string> Words { get; init; } = [];

    /// <summary>Tags that it must have, in lower case, as the index has them.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>
    /// What a search asks for beyond names, as <see cref="Search.Words.Asked"/> cuts it; none where only names are meant.
    /// </summary>
    public IReadOnlyList<string> Terms { get; init; } = [];

    /// <summary>Only of these rows, or null for all.</summary>
    public IReadOnlyCollection<long>? Rows { get; init; }

    /// <summary>Whether nothing is found where very many would have to be looked at for it.</summary>
    public bool OnlyFew { get; init; }

    public bool? Gated { get; init; }

    /// <summary>Bytes of memory in which a model must run, and bytes of weights that may be fetched for it.</summary>
    public (long? Memory, long? Download) Room { get; init; }

    /// <summary>The most bytes that the smallest weights may have; null for any.</summary>
    public long? MostBytes => Room is (null, null) ? null
        : Math.Min(Room.Memory is { } memory ? WeightChoice.MostBytes(memory) : long.MaxValue, Room.Download ?? long.MaxValue);

    /// <summary>How many numbers its weights have: least and most.</summary>
    public (long Least, long Most)? Parameters { get; init; }

    /// <summary>Reads the query of a request.</summary>
    /// <exception cref="HubException">400.</exception>
    public static ListFilter Read(IQueryCollection query, RepoType type)
    {
        string[] names = type == RepoType.Dataset ? ["filter", "tags", "task_categories", "language", "license"]
            : ["filter", "tags", "language", "license"];
        var tags = names.SelectMany(n => StringValues.Concat(query[n], query[n + "[]"]).OfType<string>().SelectMany(v => v.Split(','))
            .Where(v => v.Length > 0).Select(v => n is "filter" or "tags" || (n == "language" && type == RepoType.Model) ? v : $"{n}:{v}"))
            .ToList();
        if (Text(query["pipeline_tag"]) is { } task)
            tags.Add(ListIndex.Task(task));
        if (Text(query["library"]) is { } library)
            tags.Add(ListIndex.Library(library));
        if (Text(query["format"]) is { } format)
            tags.Add(ListIndex.Format(format));
        if (Text(query["commercial"]) is { } commercial && TreeEndpoint.IsTrue(commercial))
            tags.Add(ListIndex.Commercial);
        // A program runs what has weights that it reads. Nothing here runs at somebody else's, so that finds nothing.
        tags.AddRange(StringValues.Concat(query["apps"], query["apps[]"]).OfType<string>().SelectMany(v => v.Split(','))
            .Select(a => s_apps.GetValueOrDefault(a, Nothing)));
        if (Text(query["inference"]) is not null || Text(query["inference_provider"]) is not null)
            tags.Add(Nothing);
        var filter = new ListFilter
        {
            Type = type,
            Author = Text(query["author"]),
            Words = [.. query["search"].OfType<string>().SelectMany(s => s.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                .Select(w => w.ToLowerInvariant()).Distinct()],
            Tags = [.. tags.Select(t => t.ToLowerInvariant()).Distinct()],
            Gated = Text(query["gated"]) is { } gated ? TreeEndpoint.IsTrue(gated) : null,
            Parameters = Text(query["num_parameters"]) is { } range ? Range(range) : null,
            Room = (Bytes(query, "fits"), Bytes(query, "download")),
        };
        return filter.Words.Count > MaxWords || filter.Tags.Count > MaxTags
            ? throw HubException.BadRequest($"At most {MaxWords} words and {MaxTags} tags are looked for at once.") : filter;
    }

    static string? Text(StringValues value) => value.ToString() is { Length: > 0 } text ? text : null;

    /// <summary>Gigabytes, or a number with its unit: <c>8</c>, <c>500MB</c>.</summary>
    static long? Bytes(IQueryCollection query, string name)
    {
        if (Text(query[name]) is not { } text)
            return null;
        var digits = text.Trim().TrimEnd('b', 'B', 'g', 'G', 'm', 'M', ' ');
        var scale = text.Contains('m', StringComparison.OrdinalIgnoreCase) ? 1e6 : 1e9;
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value)
            && value is > 0 and < 1e6 ? (long)(value * scale)
            : throw HubException.BadRequest($"{name}: '{text}' is not like 8 (gigabytes) or 500MB.");
    }

    /// <summary><c>min:1B,max:7B</c></summary>
    static (long, long) Range(string text)
    {
        var (least, most) = (0d, (double)long.MaxValue);
        foreach (var part in text.Split(','))
        {
            if (part.Split(':') is not ["min" or "max", { Length: > 0 } number])
                throw HubException.BadRequest($"num_parameters: '{text}' is not like min:1B,max:7B.");
            var scale = char.ToUpperInvariant(number[^1]) switch { 'K' => 1e3, 'M' => 1e6, 'B' => 1e9, 'T' => 1e12, _ => 1 };
            if (!double.TryParse(scale == 1 ? number : number[..^1], NumberStyles.AllowDecimalPoint,
                CultureInfo.InvariantCulture, out var value))
                throw HubException.BadRequest($"num_parameters: '{text}' is not like min:1B,max:7B.");
            if (part[1] == 'i')
                least = value * scale;
            else
                most = value * scale;
        }
        return (Whole(Math.Ceiling(least)), Whole(Math.Floor(most)));
    }

    static long Whole(double value) => value >= long.MaxValue ? long.MaxValue : (long)value;
}
