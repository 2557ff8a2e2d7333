using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Models;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan embed MODEL</c> and <c>banyan rank MODEL</c>: texts as vectors, and scores of texts.</summary>
sealed class Embed : Command
{
    /// <summary>Texts that are read at a time, so that a file of any length takes no more memory.</summary>
    const int TextsAtOnce = 256;

    delegate IReadOnlyList<float[]> Compute(Embedder embedder, IReadOnlyList<int[]> texts, bool raw, CancellationToken cancellationToken);

    readonly string _key;
    readonly Compute _compute;
    readonly ModelChoice _model;
    readonly Option<string?> _prompts = new("--prompts")
    {
        Description = "Texts as token ids: [[1,2],[3]]; without it a text a line on standard input",
    };
    readonly Option<bool> _raw, _json, _jsonl;
    readonly Option<string> _lines = new("--lines")
    {
        Description = """What standard input holds: a text a line, or json: a string, or an object with a "text" """.TrimEnd(),
        DefaultValueFactory = _ => "text",
    };
    readonly Option<string?> _npy = new("--npy")
    {
        Description = "Write a NumPy file of floats, a row a text, instead of printing",
        HelpName = "FILE",
    };

    public static Command Create() => new Embed("embed", """
        Turn texts into vectors

        A text a line on standard input; a line of numbers each, of length 1 unless --raw.

        Examples:
          banyan embed all-minilm.gguf < sentences.txt
          banyan embed all-minilm.gguf --lines json --npy vectors.npy < documents.jsonl
          banyan embed qwen3-embedding.gguf --prompts '[[1,2],[3]]' --raw --json
        """, "vector", (embedder, texts, raw, cancellationToken) => embedder.Embed(texts, !raw, cancellationToken: cancellationToken));

    public static Command CreateRank() => new Embed("rank", """
        Score texts with a reranker

        A text a line on standard input: a query with a document, in the form that the model was trained with.
        Rerankers of one label give a logit, of which --raw leaves the sigmoid away; Qwen3's give the share of yes and no.

        Examples:
          banyan rank bge-reranker.gguf --prompts '[[0,5,2,2,7,2]]' --raw --json
        """, "score", (embedder, texts, raw, cancellationToken) =>
        [.. embedder.Score(texts, cancellationToken).Select(s => raw || s.Length > 1 ? s : [Embedder.Relevance(s)])]);

    Embed(string name, string description, string key, Compute compute) : base(name, description)
    {
        (_key, _compute) = (key, compute);
        _model = new ModelChoice(this);
        _raw = new("--raw") { Description = key == "vector" ? "As they were pooled, not of length 1" : "As the classifier gives them" };
        _json = CommandParts.Json($$"""Print one JSON object: {"runs":[{"{{key}}":[…]},…]}""");
        _jsonl = new("--jsonl") { Description = $$"""Print a JSON object a line: {"{{key}}":[…]}""" };
        _lines.AcceptOnlyFromAmong("text", "json");
        this.AddAll(_prompts, _raw, _lines, _json, _jsonl, _npy);
        SetAction(ExecuteAsync);
    }

    async Task<int> ExecuteAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var given = Ids(arguments.GetValue(_prompts));
        using var loaded = await _model.LoadAsync(arguments, cancellationToken);
        using var embedder = new Embedder(loaded);
        if (_key == "score" && !embedder.CanScore)
            throw new CommandException($"'{loaded.Name}' has no classifier (cls.output.weight), so it gives no scores: name a reranker");
        var runs = new JsonArray();
        void All(Action<float[]> each)
        {
            foreach (var texts in given is null ? Lines(loaded, arguments.GetValue(_lines) == "json") : [given])
                try
                {
                    foreach (var vector in _compute(embedder, texts, arguments.GetValue(_raw), cancellationToken))
                        each(vector);
                }
                catch (ArgumentException e)
                {
                    throw new CommandException(e.Message);
                }
        }
        JsonObject Json(float[] vector) => new() { [_key] = new JsonArray([.. vector.Select(v => (JsonNode)v)]) };
        string Text(float[] vector) => string.Join(' ', vector.Select(v => v.ToString("0.######", CultureInfo.InvariantCulture)));
        if (arguments.GetValue(_npy) is { } path)
            WriteNpy(path, All);
        else if (arguments.GetValue(_json))
            All(vector => runs.Add((JsonNode)Json(vector)));
        else
            All(vector => Console.Out.WriteLine(arguments.GetValue(_jsonl) ? Json(vector).ToJsonString() : Text(vector)));
        if (arguments.GetValue(_json))
            Console.Out.WriteLine(new JsonObject { ["runs"] = runs }.ToJsonString());
        return 0;
    }

    static int[][]? Ids(string? prompts)
    {
        try
        {
            return prompts is null ? null : JsonSerializer.Deserialize<int[][]>(prompts) is { } ids && ids.All(i => i is not null) ? ids
                : throw new CommandException("--prompts holds null, where lists of token ids are needed: [[1,2],[3]]");
        }
        catch (JsonException e)
        {
            throw new CommandException($"--prompts cannot be read: [[1,2],[3]] is needed ({e.Message})");
        }
    }

    // Whole or not at all.
    static void WriteNpy(string path, Action<Action<float[]>> all)
    {
        if (Directory.Exists(path))
            throw new CommandException($"--npy {path} is a folder: name a file");
        var temporary = path + ".tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16))
            {
                var file = new NpyFile(stream);
                all(vector => file.Add(vector));
                file.Finish();
                stream.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    static string TextOf(string line, int number)
    {
        try
        {
            return JsonNode.Parse(line) switch
            {
                JsonValue value when value.GetValueKind() == JsonValueKind.String => (string)value!,
                JsonObject json when json["text"] is JsonValue text && text.GetValueKind() == JsonValueKind.String => (string)text!,
                _ => throw new CommandException($"""line {number} is neither a string nor an object with a "text" that is one"""),
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CommandException($"line {number} is no JSON: {JsonProblem.Of(e)}");
        }
    }

    static IEnumerable<IReadOnlyList<int[]>> Lines(Model model, bool isJson)
    {
        var (texts, number) = (new List<int[]>(), 0);
        while (Console.In.ReadLine() is { } line)
        {
            texts.Add(model.Tokenizer.Encode(isJson ? TextOf(line, ++number) : line));
            if (texts.Count < TextsAtOnce)
                continue;
            yield return texts;
            texts = [];
        }
        if (texts.Count > 0)
            yield return texts;
    }
}
