using System.Text.Json;
using Banyan.Runtime.Generation.Grammars.Expressions;
using Banyan.Runtime.Generation.Speculation;

namespace Banyan.Runtime.Generation.Grammars.Schemas;

/// <summary>
/// Reads schemas: each keyword becomes what it says of a value, and what cannot be said exactly is refused with its path.
/// </summary>
internal sealed class SchemaReader(RegexTable table, TextEncoding encoding, Exprs exprs, SchemaSet set, JsonSchemaOptions options)
{
    readonly Dictionary<string, PlaceExpr> _places = new(StringComparer.Ordinal);
    readonly NumberLanguages _numbers = new(table);
    readonly Dictionary<string, int> _ranks = new(StringComparer.Ordinal);
    readonly Dictionary<string, Regex> _patterns = new(StringComparer.Ordinal);

    public NumberLanguages Numbers => _numbers;

    /// <summary>The schema's root.</summary>
    public Expr Root => At(set.Root);

    /// <summary>In which order names first appear, so that properties come as the schema has them.</summary>
    public int RankOf(string name) => _ranks.TryGetValue(name, out var rank) ? rank : _ranks[name] = _ranks.Count;

    /// <summary>Every name of the schemas, in the order of the text.</summary>
    public void RankNames(JsonElement schema)
    {
        if (schema.ValueKind == JsonValueKind.Array)
            foreach (var item in schema.EnumerateArray())
                if (item.ValueKind == JsonValueKind.String)
                    RankOf(item.GetString()!); // of required, say
                else
                    RankNames(item);
        if (schema.ValueKind != JsonValueKind.Object)
            return;
        foreach (var property in schema.EnumerateObject())
        {
            RankOf(property.Name);
            RankNames(property.Value);
        }
    }

    /// <summary>A property's name as it is written, quotes included.</summary>
    public Regex Name(string name) => table.Concat(encoding.Quote!, encoding.Literal(name), encoding.Quote!);

    PlaceExpr At(Place place)
    {
        var key = $"{place.Base} {place.Path}";
        if (!_places.TryGetValue(key, out var expr))
            _places[key] = expr = exprs.Add(new PlaceExpr(() => Read(place)) { Path = place.Path });
        return expr;
    }

    Expr Inner(Place place, JsonElement value, string path) => value.ValueKind switch
    {
        JsonValueKind.True => exprs.True,
        JsonValueKind.False => exprs.False,
        JsonValueKind.Object => At(SchemaSet.Inside(place, value, path)),
        _ => throw new GrammarException(path, "a schema is an object, true or false"),
    };

    Expr Read(Place place)
    {
        var schema = place.Value;
        if (schema.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return schema.ValueKind == JsonValueKind.True ? exprs.True : exprs.False;
        if (schema.ValueKind != JsonValueKind.Object)
            throw new GrammarException(place.Path, "a schema is an object, true or false");
        if (place.Draft == Draft.Seven && schema.TryGetProperty("$ref", out var only))
            return Reference(place, only, "$ref");

        var parts = new List<Expr>();
        foreach (var keyword in schema.EnumerateObject())
            if (Keyword(place, schema, keyword.Name, keyword.Value, $"{place.Path}/{SchemaSet.Escape(keyword.Name)}") is { } part)
                parts.Add(part);
        if (Conditional(place, schema) is { } conditional)
            parts.Add(conditional);
        var all = exprs.All(parts);
        if (place.Draft == Draft.Seven)
            return all;
        foreach (var (keyword, items) in (ReadOnlySpan<(string, bool)>)[("unevaluatedProperties", false), ("unevaluatedItems", true)])
            if (schema.TryGetProperty(keyword, out var value))
                all = exprs.Add(new UnevaluatedExpr(all, Inner(place, value, $"{place.Path}/{keyword}"),
                    items)
                { Path = $"{place.Path}/{keyword}" });
        return all;
    }

    Expr? Keyword(Place place, JsonElement schema, string keyword, JsonElement value, string path)
    {
        switch (keyword)
        {
            case "$ref":
                return Reference(place, value, keyword);
            case "$dynamicRef" when place.Draft == Draft.V2020:
                return Reference(place, value, keyword);
            case "$recursiveRef" when place.Draft == Draft.V2019:
                throw new GrammarException(path, "recursive references are not supported: use $ref");
            case "type":
                return Types(value, path);
            case "enum":
                return Enumeration(value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()]
                    : throw new GrammarException(path, "an array is needed"), path);
            case "const":
                return Enumeration([value], path);
            case "allOf":
                return exprs.All(Schemas(place, value, path));
            case "anyOf":
                return exprs.Any(Schemas(place, value, path), exclusive: false);
            case "oneOf":
                var branches = Schemas(place, value, path);
                return exprs.Any(
                    [.. branches.Select((branch, i) => exprs.All([branch, .. branches.Where((_, j) => j != i).Select(exprs.Not)]))],
                    exclusive: true);
            case "not":
                return exprs.Not(Inner(place, value, path));

            case "minimum":
                return exprs.Add(new NumberExpr(_numbers.AtLeast(Number(value, path), exclusive: false)));
            case "maximum":
                return exprs.Add(new NumberExpr(_numbers.AtMost(Number(value, path), exclusive: false)));
            case "exclusiveMinimum":
                return exprs.Add(new NumberExpr(_numbers.AtLeast(Number(value, path), exclusive: true)));
            case "exclusiveMaximum":
                return exprs.Add(new NumberExpr(_numbers.AtMost(Number(value, path), exclusive: true)));
            case "multipleOf":
                var divisor = Number(value, path);
                if (divisor.Unscaled.Sign <= 0)
                    throw new GrammarException(path, "a number above 0 is needed");
                return exprs.Add(new NumberExpr(_numbers.Multiples(divisor, wide: false)
                    ?? throw new GrammarException(path, $"multiples of {value.GetRawText()} have too many digits to follow"),
                    _numbers.Multiples(divisor, wide: true)));

            case "minLength":
                return exprs.Add(new LengthExpr(Count(value, path), -1));
            case "maxLength":
                return exprs.Add(new LengthExpr(0, Count(value, path)));
            case "pattern":
                return exprs.Add(new StringExpr(Pattern(Text(value, path), path)));
            case "format" when options.Formats:
                return Text(value, path) is var name && Formats.Language(name, table, encoding) is { } format
                    ? exprs.Add(new StringExpr(format))
                    : Formats.Unsupported.Contains(name)
                    ? throw new GrammarException(path, $"the format '{name}' cannot be enforced: leave it out, or give a pattern")
                    : null; // an unknown format says nothing

            case "prefixItems" when place.Draft == Draft.V2020:
                return exprs.All([.. Schemas(place, value, path).Select((item, i) => exprs.Add(new ItemExpr(i, item)))]);
            case "items" when value.ValueKind == JsonValueKind.Array:
                return exprs.All([.. Schemas(place, value, path, allowEmpty: true).Select((item, i) => exprs.Add(new ItemExpr(i, item)))]);
            case "items":
                var from = place.Draft == Draft.V2020 && schema.TryGetProperty("prefixItems", out var prefix)
                    && prefix.ValueKind == JsonValueKind.Array ? prefix.GetArrayLength() : 0;
                return exprs.Add(new ItemsExpr(from, Inner(place, value, path)));
            case "additionalItems" when schema.TryGetProperty("items", out var tuple) && tuple.ValueKind == JsonValueKind.Array:
                return exprs.Add(new ItemsExpr(tuple.GetArrayLength(), Inner(place, value, path)));
            case "contains":
                var min = schema.TryGetProperty("minContains", out var least) && place.Draft != Draft.Seven
                    ? Count(least, $"{place.Path}/minContains") : 1;
                var max = schema.TryGetProperty("maxContains", out var most) && place.Draft != Draft.Seven
                    ? Count(most, $"{place.Path}/maxContains") : -1;
                return exprs.Add(new ContainsExpr(0, Inner(place, value, path), min, max) { Path = path });
            case "minItems":
                return exprs.Add(new ItemCountExpr(Count(value, path), -1) { Path = path });
            case "maxItems":
                return exprs.Add(new ItemCountExpr(0, Count(value, path)) { Path = path });
            case "uniqueItems":
                return value.ValueKind == JsonValueKind.True ? exprs.Add(new UniqueExpr { Path = path })
                    : value.ValueKind == JsonValueKind.False ? null : throw new GrammarException(path, "true or false is needed");

            case "properties":
                return exprs.All(
                    [.. Members(value, path)
                        .Select(p =>
                            exprs.Add(new PropertyExpr(Name(p.Name), p.Name,
                                Inner(place, p.Value, $"{path}/{SchemaSet.Escape(p.Name)}"))))]);
            case "patternProperties":
                return exprs.All([.. Members(value, path).Select(p =>
                    exprs.Add(new PropertyExpr(Pattern(p.Name, $"{path}/{SchemaSet.Escape(p.Name)}"), null,
                        Inner(place, p.Value, $"{path}/{SchemaSet.Escape(p.Name)}"))))]);
            case "additionalProperties":
                return exprs.Add(new PropertyExpr(table.Not(table.Union([.. Named(schema, place.Path)])), null, Inner(place, value, path)));
            case "propertyNames":
                return PropertyNames(Inner(place, value, path), path);
            case "required":
                return exprs.All([.. Names(value, path).Select(name => exprs.Add(new RequiredExpr(name)))]);
            case "minProperties":
                return exprs.Add(new PropertyCountExpr(Count(value, path), -1) { Path = path });
            case "maxProperties":
                return exprs.Add(new PropertyCountExpr(0, Count(value, path)) { Path = path });
            case "dependentRequired" when place.Draft != Draft.Seven:
            case "dependentSchemas" when place.Draft != Draft.Seven:
            case "dependencies":
                return exprs.All([.. Members(value, path).Select(p => Dependent(place, p, $"{path}/{SchemaSet.Escape(p.Name)}"))]);
            default:
                return null;
        }
    }

    Expr Reference(Place place, JsonElement value, string keyword) =>
        At(set.Resolve(place, Text(value, $"{place.Path}/{keyword}"), keyword));

    Expr? Conditional(Place place, JsonElement schema)
    {
        if (!schema.TryGetProperty("if", out var @if))
            return null;
        var condition = Inner(place, @if, $"{place.Path}/if");
        var then = schema.TryGetProperty("then", out var yes) ? Inner(place, yes, $"{place.Path}/then") : exprs.True;
        var @else = schema.TryGetProperty("else", out var no) ? Inner(place, no, $"{place.Path}/else") : exprs.True;
        return exprs.Any([exprs.All([condition, then]), exprs.All([exprs.Not(condition), @else])], exclusive: true);
    }

    // Without the property nothing is asked for; with it, names or a schema.
    Expr Dependent(Place place, JsonProperty property, string path)
    {
        var asked = property.Value.ValueKind == JsonValueKind.Array
            ? exprs.All([.. Names(property.Value, path).Select(name => exprs.Add(new RequiredExpr(name)))])
            : Inner(place, property.Value, path);
        var has = exprs.Add(new RequiredExpr(property.Name));
        var isObject = exprs.Add(new TypeExpr(JsonTypes.Object));
        return exprs.Any([exprs.Not(isObject), exprs.Not(has), exprs.All([isObject, has, asked])], exclusive: true);
    }

    Expr Types(JsonElement value, string path)
    {
        var (types, number, integer) = (JsonTypes.None, false, false);
        foreach (var name in value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : (JsonElement[])[value])
            switch (Text(name, path))
            {
                case "null": types |= JsonTypes.Null; break;
                case "boolean": types |= JsonTypes.False | JsonTypes.True; break;
                case "number": number = true; break;
                case "integer": integer = true; break;
                case "string": types |= JsonTypes.String; break;
                case "array": types |= JsonTypes.Array; break;
                case "object": types |= JsonTypes.Object; break;
                case var other: throw new GrammarException(path, $"'{other}' is no type");
            }
        return integer && !number
            ? exprs.Add(new TypeExpr(types | JsonTypes.Number) { Language = _numbers.Integer, WideLanguage = _numbers.WideInteger })
            : exprs.Add(new TypeExpr(number ? types | JsonTypes.Number : types));
    }

    Expr Enumeration(IReadOnlyList<JsonElement> values, string path)
    {
        var types = JsonTypes.None;
        var (numbers, wide, strings, others) = (new List<Regex>(), new List<Regex>(), new List<string>(), new List<Expr>());
        foreach (var value in values)
            switch (value.ValueKind)
            {
                case JsonValueKind.Null: types |= JsonTypes.Null; break;
                case JsonValueKind.False: types |= JsonTypes.False; break;
                case JsonValueKind.True: types |= JsonTypes.True; break;
                case JsonValueKind.Number:
                    var number = Number(value, path);
                    numbers.Add(_numbers.Equal(number));
                    wide.Add(_numbers.WideEqual(number));
                    break;
                case JsonValueKind.String: strings.Add(Text(value, path)); break;
                default: others.Add(Constant(value, path)); break;
            }
        var scalar =
            exprs.Add(new ScalarExpr(types, numbers.Count > 0 ? table.Union([.. numbers]) : null,
                wide.Count > 0 ? table.Union([.. wide]) : null,
            strings.Count > 0 ? Words(table, [.. strings.Select(s => $"\"{TextEncoding.EscapeAll(s)}\"")]) : null));
        return others.Count == 0 ? scalar : exprs.Any([scalar, .. others], exclusive: true);
    }

    /// <summary>One of many texts, as the tree of their common beginnings.</summary>
    public static Regex Words(RegexTable table, IReadOnlyList<string> words) =>
        Words(table, words.Distinct(StringComparer.Ordinal).Select(System.Text.Encoding.UTF8.GetBytes)
            .OrderBy(w => w, s_byBytes).ToArray(), 0);

    static readonly Comparer<byte[]> s_byBytes = Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b));

    static Regex Words(RegexTable table, ArraySegment<byte[]> words, int at)
    {
        var alternatives = new List<Regex>();
        for (var i = 0; i < words.Count;)
        {
            if (words[i].Length == at)
            {
                alternatives.Add(table.Empty);
                i++;
                continue;
            }
            var end = i + 1;
            while (end < words.Count && words[end][at] == words[i][at])
                end++;
            // They are sorted: what the first and the last have in common all have.
            var common = words[i].AsSpan().CommonPrefixLength(words[end - 1]);
            alternatives.Add(end == i + 1 ? table.Literal(words[i].AsSpan(at))
                : table.Concat(table.Literal(words[i].AsSpan(at..common)), Words(table, words[i..end], common)));
            i = end;
        }
        return table.Union([.. alternatives]);
    }

    Expr Constant(JsonElement value, string path)
    {
        var parts = new List<Expr>();
        if (value.ValueKind == JsonValueKind.Array)
        {
            parts.Add(exprs.Add(new TypeExpr(JsonTypes.Array)));
            parts.Add(exprs.Add(new ItemCountExpr(value.GetArrayLength(), value.GetArrayLength()) { Path = path }));
            parts.AddRange(value.EnumerateArray()
                .Select((item, i) => exprs.Add(new ItemExpr(i, Enumeration([item], path)) { Annotates = false })));
            return exprs.All(parts);
        }
        parts.Add(exprs.Add(new TypeExpr(JsonTypes.Object)));
        var names = new List<Regex>();
        foreach (var property in value.EnumerateObject())
        {
            names.Add(Name(property.Name));
            parts.Add(exprs.Add(new RequiredExpr(property.Name)));
            parts.Add(exprs.Add(new PropertyExpr(names[^1], property.Name, Enumeration([property.Value], path)) { Annotates = false }));
        }
        parts.Add(exprs.Add(new PropertyExpr(table.Not(table.Union([.. names])), null, exprs.False) { Annotates = false }));
        return exprs.All(parts);
    }

    IEnumerable<Regex> Named(JsonElement schema, string path)
    {
        if (schema.TryGetProperty("properties", out var properties))
            foreach (var property in Members(properties, $"{path}/properties"))
                yield return Name(property.Name);
        if (schema.TryGetProperty("patternProperties", out var patterns))
            foreach (var property in Members(patterns, $"{path}/patternProperties"))
                yield return Pattern(property.Name, $"{path}/patternProperties/{SchemaSet.Escape(property.Name)}");
    }

    // Names are strings: what the schema says of those is a language of them.
    Expr PropertyNames(Expr names, string path)
    {
        var language = new Expander(table, encoding, exprs, this).Strings(names, path);
        return exprs.Add(new PropertyExpr(table.Not(language), null, exprs.False) { Annotates = false });
    }

    Regex Pattern(string pattern, string path)
    {
        if (!_patterns.TryGetValue(pattern, out var language))
            _patterns[pattern] = language = PatternParser.Search(table, encoding, pattern, path);
        return language;
    }

    List<Expr> Schemas(Place place, JsonElement value, string path, bool allowEmpty = false) =>
        value.ValueKind == JsonValueKind.Array && (allowEmpty || value.GetArrayLength() > 0)
            ? [.. value.EnumerateArray().Select((item, i) => Inner(place, item, $"{path}/{i}"))]
            : throw new GrammarException(path, "an array of schemas is needed");

    static IEnumerable<JsonProperty> Members(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.Object ? value.EnumerateObject() : throw new GrammarException(path, "an object is needed");

    static IEnumerable<string> Names(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().Select(name => Text(name, path))
        : throw new GrammarException(path, "an array of names is needed");

    static string Text(JsonElement value, string path) =>
        value.ValueKind == JsonValueKind.String ? value.GetString()! : throw new GrammarException(path, "a string is needed");

    static Decimals Number(JsonElement value, string path) => value.ValueKind == JsonValueKind.Number
        ? Decimals.Parse(value.GetRawText()) ?? throw new GrammarException(path, $"{value.GetRawText()} has too many digits")
        : throw new GrammarException(path, "a number is needed");

    static int Count(JsonElement value, string path) =>
        Number(value, path) is { IsInteger: true, Unscaled: var number } && number >= 0 && number <= int.MaxValue
            ? (int)number : throw new GrammarException(path, "a whole number, 0 or more, is needed");
}
