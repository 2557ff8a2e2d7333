using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Runtime.Embeddings;
using Banyan.Runtime.Models;

namespace Banyan.Cli.Commands;

/// <summary><c>banyan embed MODEL</c> and <c>banyan rank MODEL</c>: texts as vectors, and scores of texts.</summary>
static class Embed
{
    /// <summary>Texts that are read at a time, so that a file of any length takes no more memory.</summary>
    const int TextsAtOnce = 256;

    public static Command Create() => Make("embed", """
        Turn texts into vectors

        A text a line on standard input; a line of numbers each, of length 1 unless --raw.

        Examples:
          banyan embed all-minilm.gguf < sentences.txt
          banyan embed qwen3-embedding.gguf --prompts '[[1,2],[3]]' --raw --json
        """, "vector", (embedder, texts, raw, cancellationToken) => embedder.Embed(texts, !raw, cancellationToken: cancellationToken));

    public static Command CreateRank() => Make("rank", """
        Score texts with a reranker

        A text a line on standard input: a query with a document, in the form that the model was trained with.
        Rerankers of one label give a logit, of which --raw leaves the sigmoid away; Qwen3's give the share of yes and no.

        Examples:
          banyan rank bge-reranker.gguf --prompts '[[0,5,2,2,7,2]]' --raw --json
        """, "score", (embedder, texts, raw, cancellationToken) =>
        [.. embedder.Score(texts, cancellationToken).Select(s => raw || s.Length > 1 ? s : [Embedder.Relevance(s)])]);

    static Command Make(string name, string description, string key, Func<Embedder, IReadOnlyList<int[]>, bool, CancellationToken, IReadOnlyList<float[]>> compute)
    {
        var command = new Command(name, description);
        var model = new ModelChoice(command);
        var prompts = new Option<string?>("--prompts") { Description = "Texts as token ids: [[1,2],[3]]; without it a text a line on standard input" };
        var raw = new Option<bool>("--raw") { Description = key == "vector" ? "As they were pooled, not of length 1" : "As the classifier gives them" };
        var json = new Option<bool>("--json") { Description = $$"""Print one JSON object: {"runs":[{"{{key}}":[…]},…]}""" };
        foreach (var option in new Option[] { prompts, raw, json })
            command.Options.Add(option);
        command.SetAction(async (arguments, cancellationToken) =>
        {
            var given = Ids(arguments.GetValue(prompts));
            using var loaded = await model.LoadAsync(arguments, cancellationToken);
            using var embedder = new Embedder(loaded);
            if (key == "score" && !embedder.CanScore)
                throw new CommandException($"'{loaded.Name}' has no classifier (cls.output.weight), so it gives no scores: name a reranker");
            var runs = new JsonArray();
            foreach (var texts in given is null ? Lines(loaded) : [given])
                try
                {
                    foreach (var vector in compute(embedder, texts, arguments.GetValue(raw), cancellationToken))
                        if (arguments.GetValue(json))
                            runs.Add((JsonNode)new JsonObject { [key] = new JsonArray([.. vector.Select(v => (JsonNode)v)]) });
                        else
                            Console.Out.WriteLine(string.Join(' ', vector.Select(v => v.ToString("0.######", CultureInfo.InvariantCulture))));
                }
                catch (ArgumentException e)
                {
                    throw new CommandException(e.Message);
                }
            if (arguments.GetValue(json))
                Console.Out.WriteLine(new JsonObject { ["runs"] = runs }.ToJsonString());
            return 0;
        });
        return command;
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

    static IEnumerable<IReadOnlyList<int[]>> Lines(Model model)
    {
        var texts = new List<int[]>();
        while (Console.In.ReadLine() is { } line)
        {
            texts.Add(model.Tokenizer.Encode(line));
            if (texts.Count < TextsAtOnce)
                continue;
            yield return texts;
            texts = [];
        }
        if (texts.Count > 0)
            yield return texts;
    }
}
