using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Banyan.Evaluation.Efficiency;

namespace Banyan.Evaluation.Models.Http;

/// <summary>A JSON service: posts, retries transient failures, and turns errors into messages without keys.</summary>
sealed class ModelEndpoint : IDisposable
{
    const int MaximumAnswerBytes = 16 << 20;

    readonly HttpClient _http;
    readonly RetryPolicy _retry;
    readonly string? _key;
    readonly MachineEnergy? _energy;
    readonly ConcurrentDictionary<string, bool> _refused = [];

    /// <summary>A service under an address.</summary>
    /// <param name="address">Where; a path relative to it is added.</param>
    /// <param name="authorize">Puts the key into a request's headers.</param>
    /// <param name="key">The key, redacted from messages.</param>
    /// <param name="retry">When to retry.</param>
    /// <param name="headers">Other headers of every request.</param>
    /// <param name="energy">Measures attempts if the service runs on this machine.</param>
    public ModelEndpoint(Uri address, Action<HttpRequestHeaders>? authorize, string? key, RetryPolicy? retry,
        Action<HttpRequestHeaders>? headers = null, MachineEnergy? energy = null)
    {
        _retry = retry ?? new();
        _energy = energy;
        _key = string.IsNullOrEmpty(key) ? null : key;
        // A redirect would take the key elsewhere.
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            AutomaticDecompression = DecompressionMethods.All
        })
        {
            BaseAddress = new(address.ToString().TrimEnd('/') + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("banyan-eval");
        headers?.Invoke(_http.DefaultRequestHeaders);
        if (_key is not null)
            authorize?.Invoke(_http.DefaultRequestHeaders);
    }

    /// <summary>Posts a request; null sends a GET. Returns the response, and the seconds and energy of its attempt.</summary>
    public async Task<(JsonElement Answer, double Seconds, EnergyUse? Energy)> SendAsync(string path, JsonObject? body,
        CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var measured = _energy?.Begin();
            var began = Stopwatch.GetTimestamp();
            var (answer, problem, passing, asked, error) = await TryAsync(path, body, cancellationToken);
            if (answer is { } element)
                return (element, Stopwatch.GetElapsedTime(began).TotalSeconds, measured?.Used());
            var wait = _retry.WaitAfter(attempt, asked);
            if (!passing || attempt >= _retry.Attempts || wait > _retry.Patience)
                throw new ModelException($"{_http.BaseAddress}{path}: {Clean(problem!)}"
                    + (passing ? wait > _retry.Patience ? $" (asks for a wait of {wait.TotalMinutes:F0} minutes)"
                        : $" (after {attempt} attempts)" : ""))
                { Error = error };
            await _retry.Wait(wait, cancellationToken);
        }
    }

    /// <summary>The address, without any key in it.</summary>
    public string Address =>
        _http.BaseAddress!.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped).TrimEnd('/');

    public void Dispose() => _http.Dispose();

    /// <summary>Posts a request without the optional settings that the model does not accept, and returns their names too. They are
    /// remembered. A setting that would change the question is never left out.</summary>
    /// <param name="path">Where.</param>
    /// <param name="body">The request.</param>
    /// <param name="optional">What may be left out: each as a path in the request, and the setting that it stands for.</param>
    /// <param name="cancellationToken">Cancels the request.</param>
    public async Task<(JsonElement Answer, double Seconds, EnergyUse? Energy, IReadOnlyList<string> NotAccepted)> SendAsync(string path,
        JsonObject body, IReadOnlyList<(JsonObject In, string Name, string Setting)> optional, CancellationToken cancellationToken)
    {
        while (true)
        {
            foreach (var (place, name, _) in optional)
                if (_refused.ContainsKey(name))
                    place.Remove(name);
            try
            {
                var (answer, seconds, energy) = await SendAsync(path, body, cancellationToken);
                return (answer, seconds, energy, [.. optional.Where(o => _refused.ContainsKey(o.Name)).Select(o => o.Setting)]);
            }
            catch (ModelException e) when (e.Error is { } error)
            {
                var refused = optional.Where(o => o.In.ContainsKey(o.Name) && error.Refuses(o.Name)).ToList();
                if (refused.Count == 0)
                    throw;
                foreach (var (_, name, _) in refused)
                    _refused[name] = true;
            }
        }
    }

    async Task<(JsonElement? Answer, string? Problem, bool Passing, TimeSpan? Asked, ServiceError? Error)> TryAsync(string path,
        JsonObject? body, CancellationToken cancellationToken)
    {
        using var time = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        time.CancelAfter(_retry.Timeout);
        try
        {
            using var request = new HttpRequestMessage(body is null ? HttpMethod.Get : HttpMethod.Post, path);
            if (body is not null)
                request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, time.Token);
            var text = await ReadAsync(response.Content, time.Token);
            if (text is null)
                return (null, $"an answer of more than {MaximumAnswerBytes / 1_000_000} MB", false, null, null);
            if (!response.IsSuccessStatusCode)
                return (null, $"{(int)response.StatusCode} {response.ReasonPhrase}: {Message(text)}", IsPassing(response.StatusCode, text),
                    Asked(response.Headers.RetryAfter), ServiceError.Read((int)response.StatusCode, text, Message(text)));
            try
            {
                using var document = JsonDocument.Parse(text);
                return (document.RootElement.Clone(), null, false, null, null);
            }
            catch (JsonException)
            {
                // A proxy's page, or an answer cut short: the service itself may do better next time.
                return (null, $"the answer is not JSON: {Shortened(text)}", true, null, null);
            }
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            return (null, SystemProblem.Of(e), true, null, null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return (null, $"no answer within {_retry.Timeout.TotalMinutes:G3} minutes", true, null, null);
        }
    }

    /// <summary>Too many requests, unless the quota is exhausted; and server errors (529: Anthropic is overloaded).</summary>
    static bool IsPassing(HttpStatusCode status, string body) => (int)status switch
    {
        429 => !body.Contains("insufficient_quota", StringComparison.Ordinal),
        408 or 409 or 425 or 500 or 502 or 503 or 504 or 529 => true,
        _ => false,
    };

    static TimeSpan? Asked(RetryConditionHeaderValue? header)
    {
        var wait = header?.Delta ?? header?.Date - DateTimeOffset.UtcNow;
        return wait is { } asked && asked > TimeSpan.Zero ? asked : null;
    }

    static async Task<string?> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        await using var stream = await content.ReadAsStreamAsync(cancellationToken);
        using var memory = new MemoryStream();
        var buffer = new byte[16 << 10];
        while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and var count)
        {
            memory.Write(buffer, 0, count);
            if (memory.Length > MaximumAnswerBytes)
                return null;
        }
        return Encoding.UTF8.GetString(memory.GetBuffer(), 0, (int)memory.Length);
    }

    /// <summary>The message in an error as OpenAI, Gemini and Anthropic write it: <c>{"error":{"message":…}}</c>.</summary>
    static string Message(string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Array && root.GetArrayLength() > 0)
                root = root[0];
            if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("error", out var error))
                return error.ValueKind == JsonValueKind.String ? error.GetString()!
                    : error.ValueKind == JsonValueKind.Object && error.TryGetProperty("message", out var message)
                    && message.ValueKind == JsonValueKind.String ? message.GetString()! : Shortened(body);
        }
        catch (JsonException)
        {
            // Not JSON: shown as it is.
        }
        return Shortened(body);
    }

    static string Shortened(string text) => text.ReplaceLineEndings(" ").Trim() is var line && line.Length > 200 ? line[..200] + "…" : line;

    string Clean(string text) => _key is null ? text : text.Replace(_key, "[key]", StringComparison.Ordinal);
}
