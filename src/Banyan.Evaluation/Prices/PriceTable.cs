using System.Text.Json;
using Banyan.Evaluation.Models;

namespace Banyan.Evaluation.Prices;

/// <summary>The price of a model's tokens from a given day on.</summary>
/// <param name="Model">The model's id; its dated versions cost the same.</param>
/// <param name="From">The first day.</param>
/// <param name="Input">US dollars per million prompt tokens.</param>
/// <param name="Output">US dollars per million answer tokens.</param>
public sealed record Price(string Model, DateOnly From, decimal Input, decimal Output)
{
    /// <summary>Source and date of the price; null if the table does not say.</summary>
    public string? Source { get; init; }

    /// <summary>The cost of an answer.</summary>
    public decimal Of(long promptTokens, long answerTokens) => (Input * promptTokens + Output * answerTokens) / 1_000_000m;
}

/// <summary>Prices as listed on a day. Services change them: a cost is an estimate until the invoice comes, and names its table.</summary>
/// <param name="AsOf">The day.</param>
/// <param name="Prices">Every price.</param>
public sealed record PriceTable(DateOnly AsOf, IReadOnlyList<Price> Prices)
{
    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { RespectRequiredConstructorParameters = true };

    sealed record File(DateOnly AsOf, IReadOnlyList<Price> Models)
    {
        /// <summary>Sources that several prices refer to by a short name.</summary>
        public IReadOnlyDictionary<string, string> Sources { get; init; } = new Dictionary<string, string>();
    }

    /// <summary>The table that ships.</summary>
    public static PriceTable Shipped { get; } = ReadShipped();

    /// <summary>A table in the format of the one that ships (src/Banyan.Evaluation/Prices/prices.json).</summary>
    public static PriceTable Read(string path) => Parse(DataFiles.ReadText(path), path);

    /// <summary>The price of a model on a day; a dated version has the price of its base name; null if not listed.</summary>
    public Price? Find(string model, DateOnly day) => Prices
        .Where(p => p.From <= day && ModelIdentity.Answers(p.Model, model))
        .OrderByDescending(p => p.Model.Length).ThenByDescending(p => p.From).FirstOrDefault();

    static PriceTable Parse(string text, string name)
    {
        try
        {
            var file = JsonSerializer.Deserialize<File>(text, s_json) ?? throw new JsonException("null");
            if (file.Models.FirstOrDefault(p => p.Input < 0 || p.Output < 0) is { } wrong)
                throw new EvaluationException($"{name}: {wrong.Model} costs less than nothing");
            return new(file.AsOf,
                [.. file.Models.Select(p => p with { Source = p.Source is { } name ? file.Sources.GetValueOrDefault(name, name) : null })]);
        }
        catch (JsonException e)
        {
            throw new EvaluationException(
                $"{name} is no table of prices, as {{\"asOf\":\"2025-12-01\",\"models\":[{{\"model\":…,\"from\":…,\"input\":…,\"output\":…,\"source\":…}}]}}: {JsonProblem.Of(e)}");
        }
    }

    static PriceTable ReadShipped()
    {
        using var stream = typeof(PriceTable).Assembly.GetManifestResourceStream("prices.json")!;
        using var reader = new StreamReader(stream);
        return Parse(reader.ReadToEnd(), "prices.json");
    }
}
