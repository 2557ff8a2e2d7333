using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Banyan.Server.Cards;

/// <summary>Reads YAML's nodes as JSON. An alias becomes a copy of its anchor's value, and each copy counts, so that nothing is amplified.
/// What is too deep or too large is skipped, so that the rest can be read.</summary>
sealed class CardNodes(Parser parser, int maxDepth, int maxNodes, Func<Scalar, JsonNode?> valueOf)
{
    const int MostOpen = 100;

    readonly Dictionary<AnchorName, (JsonNode? Node, int Count)> _anchors = [];
    int _nodes;
    bool _tooMuch;

    /// <summary>The first member of the root that is left out, or null.</summary>
    public string? LeftOut { get; private set; }

    /// <summary>Reads a map's members up to its end.</summary>
    /// <exception cref="CardException">A name is no plain text, or there twice.</exception>
    public void Members(JsonObject map, int depth)
    {
        var merged = new List<JsonObject>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            var line = parser.Current?.Start.Line;
            var key = parser.TryConsume<Scalar>(out var name) ? name.Value
                : throw new CardException($"Line {line}: a name must be plain text.");
            var before = _nodes;
            var value = Node(depth);
            if (depth == 1 && _tooMuch)
            {
                // The next ones have room again.
                (_tooMuch, _nodes) = (false, before);
                LeftOut ??= key;
                continue;
            }
            if (key == "<<" && name.Style == ScalarStyle.Plain && value is JsonObject or JsonArray)
                merged.AddRange(value is JsonObject one ? [one] : ((JsonArray)value!).OfType<JsonObject>());
            else if (!map.TryAdd(key, value))
                throw new CardException($"Line {line}: '{key}' is there twice.");
        }
        // What is merged in stands behind what the map says itself.
        foreach (var (key, value) in merged.SelectMany(m => m))
            if (!map.ContainsKey(key))
                map[key] = value?.DeepClone();
    }

    JsonNode? Node(int depth)
    {
        if (parser.TryConsume<AnchorAlias>(out var alias))
        {
            var (named, copies) = _anchors.TryGetValue(alias.Value, out var known) ? known
                : throw new CardException($"Line {alias.Start.Line}: nothing is called &{alias.Value} before *{alias.Value}.");
            return Take(copies) ? named?.DeepClone() : null;
        }
        var before = _nodes;
        JsonNode? node = null;
        AnchorName anchor;
        if (parser.TryConsume<Scalar>(out var scalar))
            (node, anchor) = (Take(1) ? valueOf(scalar) : null, scalar.Anchor);
        else if (parser.TryConsume<SequenceStart>(out var sequence))
            (node, anchor) = (Sequence(depth), sequence.Anchor);
        else if (parser.TryConsume<MappingStart>(out var mapping))
            (node, anchor) = (Mapping(depth), mapping.Anchor);
        else
            throw new CardException($"Line {parser.Current?.Start.Line}: a value is expected.");
        if (!anchor.IsEmpty)
            _anchors[anchor] = (node, Math.Max(1, _nodes - before));
        return node;
    }

    JsonArray? Sequence(int depth)
    {
        if (!Take(1) || depth >= maxDepth)
            return Pass();
        var array = new JsonArray();
        while (!parser.TryConsume<SequenceEnd>(out _))
        {
            var item = Node(depth + 1);
            if (!_tooMuch)
                array.Add(item);
        }
        return array;
    }

    JsonNode? Mapping(int depth)
    {
        if (!Take(1) || depth >= maxDepth)
            return Pass();
        var map = new JsonObject();
        Members(map, depth + 1);
        return map;
    }

    bool Take(int nodes)
    {
        if (_nodes + nodes > maxNodes)
            _tooMuch = true;
        else
            _nodes += nodes;
        return !_tooMuch;
    }

    /// <summary>Passes over the rest of a sequence or map.</summary>
    /// <exception cref="CardException">It is so deep that the parser, which looks at all open levels for each token, would take
    /// forever.</exception>
    JsonArray? Pass()
    {
        _tooMuch = true;
        for (var open = 1; open > 0;)
        {
            if (open > MostOpen)
                throw new CardException(
                    $"Line {parser.Current?.Start.Line}: the metadata is nested too deep: the rest of it was not read.");
            var parsed = parser.Consume<ParsingEvent>();
            open += parsed is SequenceStart or MappingStart ? 1 : parsed is SequenceEnd or MappingEnd ? -1 : 0;
        }
        return null;
    }
}
