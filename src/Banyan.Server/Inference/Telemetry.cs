using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;

namespace Banyan.Server.Inference;

/// <summary>Traces and metrics under the names of OpenTelemetry's GenAI conventions.</summary>
sealed class Telemetry : IDisposable
{
    const string Name = "Banyan.Server";

    readonly ActivitySource _activities = new(Name);
    readonly Meter _meter = new(Name);
    readonly Histogram<double> _duration, _firstToken, _perToken;
    readonly Histogram<long> _tokens;

    public Telemetry()
    {
        _duration = _meter.CreateHistogram<double>("gen_ai.server.request.duration", "s", "Time from request to end of answer.");
        _firstToken = _meter.CreateHistogram<double>("gen_ai.server.time_to_first_token", "s", "Time from request to first token.");
        _perToken = _meter.CreateHistogram<double>("gen_ai.server.time_per_output_token", "s", "Time a token after the first.");
        _tokens = _meter.CreateHistogram<long>("gen_ai.client.token.usage", "{token}", "Tokens of prompts and answers.");
    }

    /// <summary>Begins to measure one request.</summary>
    /// <param name="operation">"chat", "text_completion", "infill", "embeddings" or "rerank".</param>
    public Measured Begin(string operation, string model) => new(this, operation, model);

    public void Dispose()
    {
        _activities.Dispose();
        _meter.Dispose();
    }

    public sealed class Measured : IDisposable
    {
        readonly Telemetry _telemetry;
        readonly Activity? _activity;
        readonly TagList _tags;
        readonly long _began = Stopwatch.GetTimestamp();

        public Measured(Telemetry telemetry, string operation, string model)
        {
            _telemetry = telemetry;
            _tags = new() { { "gen_ai.operation.name", operation }, { "gen_ai.provider.name", "banyan" },
                { "gen_ai.request.model", model } };
            _activity = telemetry._activities.StartActivity(ActivityKind.Server, tags: _tags, name: $"{operation} {model}");
        }

        /// <summary>Hands pieces on and records what they tell.</summary>
        public async IAsyncEnumerable<Piece> Watch(IAsyncEnumerable<Piece> pieces,
            [EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            var first = true;
            await foreach (var piece in pieces.WithCancellation(cancellationToken))
            {
                if (first && piece.Generated.Prompt is null)
                    _telemetry._firstToken.Record(Stopwatch.GetElapsedTime(_began).TotalSeconds, _tags);
                first &= piece.Generated.Prompt is not null;
                if (piece.Generated.Statistics is { } statistics)
                {
                    Count("input", statistics.PromptTokens);
                    Count("output", statistics.GeneratedTokens);
                    if (statistics.GeneratedTokens > 1)
                        _telemetry._perToken.Record(statistics.GenerateSeconds / (statistics.GeneratedTokens - 1), _tags);
                }
                yield return piece;
            }
        }

        /// <summary>Counts what is read where nothing is generated.</summary>
        public void CountInput(int tokens) => Count("input", tokens);

        void Count(string kind, int tokens)
        {
            var tags = _tags;
            tags.Add("gen_ai.token.type", kind);
            _telemetry._tokens.Record(tokens, tags);
            _activity?.SetTag($"gen_ai.usage.{kind}_tokens", tokens);
        }

        public void Dispose()
        {
            _telemetry._duration.Record(Stopwatch.GetElapsedTime(_began).TotalSeconds, _tags);
            _activity?.Dispose();
        }
    }
}
