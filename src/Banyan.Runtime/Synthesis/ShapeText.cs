using System.Globalization;
using System.Reflection;

namespace Banyan.Runtime.Synthesis;

/// <summary>
/// A shape as a text of one line a fact (<c>Shapes/NAME.txt</c>), for families whose layers differ. Keys are GGUF's without the
/// architecture; sizes are outermost first.
/// <code>
/// title gemma-3-4b-it, text
/// architecture gemma3
/// layers 34
/// vocabulary 262144 special 262140                 tokens, and where the special ones begin; "words": WordPiece
/// u attention.head_count 8                         a key: u unsigned, i signed, f float, b bool, s text
/// i[] rope.dimension_sections 11 11 10 0           an array
/// u* attention.head_count_kv 0 4@5/10              an array of a value a layer: 0, and 4 in the chosen layers
/// t output_norm.weight 2560                        a tensor
/// l@5/10 attn_q.weight 1536 1536                   a tensor of the chosen layers; without @ of all
/// l ssm_a 48 1 = -1*48                             what is not random: values, each so many times
/// n nextn.enorm.weight 1536                        a tensor of the multi-token prediction layer, behind the last (NAME-mtp)
/// </code>
/// Layers are chosen by numbers, ranges (<c>0-4</c>) and remainders (<c>5/10</c>: 5, 15, 25, …), separated by commas; <c>!</c> first: the
/// others.
/// </summary>
sealed class ShapeText
{
    const string Folder = "Banyan.Runtime.Shapes.", Ending = ".txt", Ahead = "ahead";

    readonly List<(string Kind, string Key, string[] Values)> _keys = [];
    readonly List<(string Name, string? Layers, long[] Shape, string? Fill)> _tensors = [];

    /// <summary>Whether its vocabulary is of words and their ends.</summary>
    public bool HasWords { get; private set; }

    /// <summary>Whether it says what a multi-token prediction layer has.</summary>
    public bool Predicts => _tensors.Any(t => t.Layers == Ahead);

    /// <summary>The shapes that lie beside this file.</summary>
    public static IEnumerable<ModelShape> All()
    {
        var assembly = typeof(ShapeText).Assembly;
        return assembly.GetManifestResourceNames().Where(n => n.StartsWith(Folder, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).Select(name =>
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            return Read(name[Folder.Length..^Ending.Length], reader.ReadToEnd());
        });
    }

    internal static ModelShape Read(string name, string text)
    {
        var (shape, said) = (new ShapeText(), new Dictionary<string, string[]>());
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(" = ");
            var words = parts[0].Split(' ');
            var (kind, rest) = (words[0], words[1..]);
            if (kind is "t" or "l" or "n" || kind.StartsWith("l@", StringComparison.Ordinal))
                shape._tensors.Add((rest[0], kind switch { "t" => null, "l" => "", "n" => Ahead, _ => kind[2..] },
                    [.. rest[1..].Select(n => long.Parse(n, CultureInfo.InvariantCulture))], parts.ElementAtOrDefault(1)));
            else if (kind is "title" or "architecture" or "layers" or "vocabulary")
                said[kind] = rest;
            else
                shape._keys.Add((kind, rest[0], rest[1..]));
        }
        shape.HasWords = said["vocabulary"][1] == "words";
        int Said(string word, int at = 0) => int.Parse(said[word][at], CultureInfo.InvariantCulture);
        int Key(string key, int otherwise = 0) => shape._keys.FirstOrDefault(k => k.Key == key).Values is { } values
            ? values.Max(v => int.Parse(v.Split('@')[0], CultureInfo.InvariantCulture)) : otherwise;
        var (embedding, heads, vocabulary) = (Key("embedding_length"), Key("attention.head_count"), Said("vocabulary"));
        return new ModelShape(name, string.Join(' ', said["title"]), said["architecture"][0], Said("layers"), embedding,
            Key("feed_forward_length"), heads, Key("attention.head_count_kv"),
            Key("attention.key_length", embedding / heads), vocabulary, Key("context_length"),
            shape._tensors.All(t => t.Name != "output.weight"))
        {
            Experts = Key("expert_count"),
            ExpertsUsed = Key("expert_used_count"),
            ExpertFeedForward = Key("expert_feed_forward_length"),
            FirstSpecial = shape.HasWords ? 0 : Said("vocabulary", 2),
            Text = shape,
        };
    }

    /// <summary>GGUF's keys for so many layers, without the architecture.</summary>
    public IEnumerable<(string Key, object Value)> Keys(int layers) => _keys.Select(k => (k.Key, k.Kind[1..] switch
    {
        "" => One(k.Kind, k.Values[0]),
        "[]" => Array(k.Kind, k.Values),
        _ => Array(k.Kind,
            [.. Enumerable.Range(0, layers)
                .Select(layer => k.Values.Skip(1).FirstOrDefault(v => Chooses(v.Split('@')[1], layer))?.Split('@')[0] ?? k.Values[0])]),
    }));

    /// <summary>The tensors of so many layers, and of the multi-token prediction layer.</summary>
    public IEnumerable<ShapeTensor> Tensors(int layers, bool predicts)
    {
        // In the order of the layers, those before them first.
        foreach (var tensor in _tensors.TakeWhile(t => t.Layers is null))
            yield return new(tensor.Name, null, tensor.Shape) { Fill = Values(tensor.Fill) };
        for (var layer = 0; layer < layers; layer++)
            foreach (var tensor in _tensors.Where(t => t.Layers is { } chosen && Chooses(chosen, layer)))
                yield return new($"blk.{layer}.{tensor.Name}", layer, tensor.Shape) { Fill = Values(tensor.Fill) };
        foreach (var tensor in _tensors.Where(t => predicts && t.Layers == Ahead))
            yield return new($"blk.{layers}.{tensor.Name}", layers, tensor.Shape) { Fill = Values(tensor.Fill) };
        foreach (var tensor in _tensors.SkipWhile(t => t.Layers is null).Where(t => t.Layers is null))
            yield return new(tensor.Name, null, tensor.Shape) { Fill = Values(tensor.Fill) };
    }

    static object One(string kind, string value) => kind[0] switch
    {
        'u' => uint.Parse(value, CultureInfo.InvariantCulture),
        'f' => float.Parse(value, CultureInfo.InvariantCulture),
        'b' => bool.Parse(value),
        _ => value,
    };

    static object Array(string kind, IReadOnlyList<string> values) => kind[0] switch
    {
        'u' => values.Select(v => uint.Parse(v, CultureInfo.InvariantCulture)).ToArray(),
        'i' => values.Select(v => int.Parse(v, CultureInfo.InvariantCulture)).ToArray(),
        _ => values.Select(bool.Parse).ToArray(),
    };

    static float[]? Values(string? fill) => fill is null ? null : [.. fill.Split(' ').SelectMany(part =>
    {
        var factors = part.Split('*');
        return Enumerable.Repeat(float.Parse(factors[0], CultureInfo.InvariantCulture),
            int.Parse(factors[1], CultureInfo.InvariantCulture));
    })];

    static bool Chooses(string chosen, int layer)
    {
        int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
        return chosen != Ahead && (chosen.Length == 0 || chosen[0] == '!' != chosen.TrimStart('!').Split(',').Any(part =>
            part.Split('/') is [var rest, var divisor] ? layer % Number(divisor) == Number(rest)
            : part.Split('-') is [var first, var last] ? layer >= Number(first) && layer <= Number(last)
            : layer == Number(part)));
    }
}
