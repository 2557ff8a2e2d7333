using System.Text.Json;
using Banyan.Runtime.Generation.Speculation;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>Which rules a schema follows where drafts differ.</summary>
internal enum Draft
{
    /// <summary>Draft 4 to 7: <c>$ref</c> hides what stands beside it.</summary>
    Seven,
    V2019,
    V2020,
}

/// <summary>A place in a document: the value there, and what its addresses are relative to.</summary>
/// <param name="Value">The schema.</param>
/// <param name="Base">The address of the resource it belongs to.</param>
/// <param name="Path">A JSON pointer from the document's root, for messages; with the document's address where that is not the
/// first.</param>
/// <param name="Draft">Whose rules hold.</param>
internal readonly record struct Place(JsonElement Value, Uri Base, string Path, Draft Draft);

/// <summary>
/// The documents of a schema: finds what <c>$ref</c> points to. Fetches nothing: other documents come from whoever has them.
/// </summary>
internal sealed class SchemaSet
{
    const int MostDepth = 128;

    static readonly Uri s_root = new("schema:/");

    static readonly string[] s_maps = ["properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "dependencies"];
    static readonly string[] s_lists = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
    static readonly string[] s_single =
    [
        "items", "contains", "additionalProperties", "propertyNames", "not", "if", "then", "else",
        "unevaluatedItems", "unevaluatedProperties",
        "additionalItems", "contentSchema",
    ];

    readonly Func<Uri, JsonElement?>? _others;
    readonly Dictionary<string, Place> _resources = new(StringComparer.Ordinal);
    readonly Dictionary<string, Place> _anchors = new(StringComparer.Ordinal);
    readonly Dictionary<string, int> _dynamicAnchors = new(StringComparer.Ordinal);
    readonly Queue<(Uri Address, string Path)> _wanted = [];

    /// <param name="root">The schema.</param>
    /// <param name="others">Other documents by their address; null if there are none.</param>
    public SchemaSet(JsonElement root, Func<Uri, JsonElement?>? others)
    {
        _others = others;
        Root = new Place(root, s_root, "", Draft.V2020);
        Root = Register(Root, 0);
        while (_wanted.TryDequeue(out var wanted))
            if (!_resources.ContainsKey(wanted.Address.ToString()) && _others?.Invoke(wanted.Address) is { } document)
                _resources.TryAdd(wanted.Address.ToString(),
                    Register(new Place(document, wanted.Address, wanted.Address.ToString() + "#", Draft.V2020), 0));
    }

    public Place Root { get; }

    /// <summary>What a reference points to.</summary>
    /// <param name="from">The schema that holds it.</param>
    /// <param name="reference">The reference.</param>
    /// <param name="keyword"><c>$ref</c> or <c>$dynamicRef</c>.</param>
    public Place Resolve(Place from, string reference, string keyword)
    {
        var path = $"{from.Path}/{keyword}";
        if (!Uri.TryCreate(from.Base, reference, out var target))
            throw new GrammarException(path, $"'{reference}' is no address");
        var fragment = Uri.UnescapeDataString(target.Fragment.TrimStart('#'));
        var address = WithoutFragment(target);
        if (!_resources.TryGetValue(address.ToString(), out var resource))
            throw new GrammarException(path,
                $"'{reference}' is another document, and none is fetched: put it under $defs and refer to it there");
        if (fragment.Length == 0)
            return resource;
        if (fragment[0] == '/')
            return Point(resource, fragment, path);
        if (!_anchors.TryGetValue($"{address}#{fragment}", out var anchored))
            throw new GrammarException(path, $"'{reference}' names no anchor of the schema");
        if (keyword == "$dynamicRef" && IsDynamic(anchored, fragment) && _dynamicAnchors[fragment] > 1)
            throw new GrammarException(path,
                "a dynamic reference with more than one target depends on the way to it, which is not supported");
        return anchored;
    }

    /// <summary>A schema within another, with the rules and addresses that hold there.</summary>
    public static Place Inside(Place parent, JsonElement value, string path)
    {
        var place = parent with { Value = value, Path = path };
        return value.ValueKind == JsonValueKind.Object ? Enter(place) : place;
    }

    static Place Enter(Place place)
    {
        if (Text(place.Value, "$schema") is { } dialect)
            place = place with { Draft = DraftOf(dialect, place.Path) };
        var hidden = place.Draft == Draft.Seven && place.Value.TryGetProperty("$ref", out _);
        if (!hidden && Text(place.Value, "$id") is { } id && !id.StartsWith('#') && Uri.TryCreate(place.Base, id, out var address))
            place = place with { Base = WithoutFragment(address) };
        return place;
    }

    Place Register(Place place, int depth)
    {
        if (depth > MostDepth)
            throw new GrammarException(place.Path, $"schemas are nested more than {MostDepth} deep");
        if (place.Value.ValueKind != JsonValueKind.Object)
            return place;
        var parent = place.Base;
        place = Enter(place);
        if (depth == 0 || place.Base != parent)
            _resources.TryAdd(place.Base.ToString(), place);
        foreach (var keyword in (ReadOnlySpan<string>)["$anchor", "$dynamicAnchor"])
            if (Text(place.Value, keyword) is { } anchor && _anchors.TryAdd($"{place.Base}#{anchor}", place) && keyword == "$dynamicAnchor")
                _dynamicAnchors[anchor] = _dynamicAnchors.GetValueOrDefault(anchor) + 1;
        if (place.Draft == Draft.Seven && Text(place.Value, "$id") is ['#', .. var name])
            _anchors.TryAdd($"{place.Base}#{name}", place);
        foreach (var keyword in (ReadOnlySpan<string>)["$ref", "$dynamicRef"])
            if (Text(place.Value, keyword) is { } reference && Uri.TryCreate(place.Base, reference, out var target))
                _wanted.Enqueue((WithoutFragment(target), place.Path));
        foreach (var property in place.Value.EnumerateObject())
        {
            var path = $"{place.Path}/{Escape(property.Name)}";
            if (s_maps.Contains(property.Name) && property.Value.ValueKind == JsonValueKind.Object)
                foreach (var inner in property.Value.EnumerateObject())
                    Register(place with { Value = inner.Value, Path = $"{path}/{Escape(inner.Name)}" }, depth + 1);
            else if (s_lists.Contains(property.Name) && property.Value.ValueKind == JsonValueKind.Array)
            {
                var index = 0;
                foreach (var inner in property.Value.EnumerateArray())
                    Register(place with { Value = inner, Path = $"{path}/{index++}" }, depth + 1);
            }
            else if (s_single.Contains(property.Name))
                Register(place with { Value = property.Value, Path = path }, depth + 1);
        }
        return place;
    }

    static Place Point(Place resource, string pointer, string path)
    {
        var place = resource;
        foreach (var part in pointer.Split('/').Skip(1)
            .Select(p => p.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal)))
        {
            var value = place.Value;
            JsonElement? next = value.ValueKind switch
            {
                JsonValueKind.Object when value.TryGetProperty(part, out var member) => member,
                JsonValueKind.Array when int.TryParse(part, out var index) && index >= 0 && index < value.GetArrayLength() => value[index],
                _ => null,
            };
            place = Inside(place, next ?? throw new GrammarException(path, $"'#{pointer}' points to nothing"),
                $"{place.Path}/{Escape(part)}");
        }
        return place;
    }

    static bool IsDynamic(Place place, string anchor) => Text(place.Value, "$dynamicAnchor") == anchor;

    static Draft DraftOf(string dialect, string path) =>
        dialect.TrimEnd('#').Replace("http://", "https://", StringComparison.Ordinal) switch
        {
            "https://json-schema.org/draft/2020-12/schema" => Draft.V2020,
            "https://json-schema.org/draft/2019-09/schema" => Draft.V2019,
            "https://json-schema.org/draft-07/schema" or "https://json-schema.org/draft-06/schema"
                or "https://json-schema.org/draft-04/schema" => Draft.Seven,
            _ => throw new GrammarException($"{path}/$schema", $"'{dialect}' is a dialect that is not known here"),
        };

    static Uri WithoutFragment(Uri address) => address.OriginalString.Contains('#', StringComparison.Ordinal) || address.Fragment.Length > 0
        ? new Uri(address.ToString().Split('#')[0]) : address;

    static string? Text(JsonElement schema, string keyword) =>
        schema.TryGetProperty(keyword, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static string Escape(string name) =>
        name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);
}
