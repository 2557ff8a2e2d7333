using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Banyan.Client.Hub;
using Banyan.Client.Transfers;

namespace Banyan.Client;

/// <summary>
/// A connection to a hub. All traffic goes through it, so speed limit and byte counts cover everything. Transient failures are retried with
/// backoff; the token is sent only to the hub's own address.
/// </summary>
public sealed partial class HubClient : IDisposable
{
    const int MaxRedirects = 5, MaxJsonBytes = 64 * 1024 * 1024;
    static readonly TimeSpan s_apiTimeout = TimeSpan.FromSeconds(60), s_noticed = TimeSpan.FromSeconds(2);

    static readonly HttpRequestOptionsKey<bool> s_signed = new("signed");

    readonly HttpClient _http;
    long _waitsUntil;

    /// <summary>Creates a client; it connects on first use.</summary>
    public HubClient(HubClientOptions options)
    {
        Options = options;
        Meter = new Meter(options.MaxSpeed, options.MaxBytes);
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,   // redirects are followed here, where the token can be kept from other hosts
            UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(10),
            MaxConnectionsPerServer = 24,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(20),
            ConnectCallback = ConnectAsync,
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = MaxJsonBytes,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(
            new ProductInfoHeaderValue("banyan", typeof(HubClient).Assembly.GetName().Version!.ToString(3)));
    }

    /// <summary>The hub's address, the token and limits.</summary>
    public HubClientOptions Options { get; }

    /// <summary>Bytes received over the network so far, including overhead.</summary>
    public long BytesReceived => Meter.Received;

    /// <summary>Bytes sent over the network so far, including overhead.</summary>
    public long BytesSent => Meter.Sent;

    internal Meter Meter { get; }

    /// <summary>How long a body may stall: longer if the speed limit alone explains it.</summary>
    internal TimeSpan StallTimeout => Options.StallTimeout + TimeSpan.FromSeconds(Options.MaxSpeed is { } speed ? 128.0 * 1024 / speed : 0);

    async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new MeteredStream(new NetworkStream(socket, ownsSocket: true), Meter);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    internal Uri At(string path) => new(Options.Endpoint, path);

    /// <summary>Sends a request, retrying transient failures; the caller disposes the response.</summary>
    /// <param name="request">Creates the request for each attempt.</param>
    /// <param name="within">Time limit for the response's headers.</param>
    /// <param name="cancellationToken">Cancels the work.</param>
    /// <exception cref="HubClientException">The hub cannot be reached or keeps failing.</exception>
    internal async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, TimeSpan within,
        CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            TimeSpan? wait = null;
            try
            {
                var answer = await FollowAsync(request(), within, cancellationToken);
                if (!Retry.IsPassing(answer.StatusCode) || attempt >= Options.Attempts)
                    return answer;
                wait = Retry.AskedFor(answer);
                answer.Dispose();
                if (wait > s_noticed && wait <= Retry.Patience)
                    Say(answer.StatusCode, wait.Value);
                if (wait > Retry.Patience)
                    throw new HubClientException(HubProblem.Refused,
                        $"{Options.Endpoint.Authority} answered {(int)answer.StatusCode} and asks to come back in {Math.Ceiling(wait.Value.TotalMinutes):0} minutes: what came is kept, run the same command again then", answer.StatusCode);
            }
            catch (Exception e) when (Retry.IsPassing(e, cancellationToken))
            {
                if (BudgetIn(e) is { } budget)
                    throw budget;
                // Nobody listens at the hub's own address: that does not pass in seconds.
                if (attempt >= Options.Attempts || (Refused(e) && attempt >= 2))
                    throw Unreachable(request().RequestUri!, e);
            }
            await Task.Delay(wait ?? Retry.Pause(attempt), cancellationToken);
        }
    }

    /// <summary>Reports a hub's request to wait only once if many concurrent requests get it at the same time.</summary>
    void Say(HttpStatusCode status, TimeSpan wait)
    {
        var (now, said) = (Environment.TickCount64, Interlocked.Read(ref _waitsUntil));
        if (now < said || Interlocked.CompareExchange(ref _waitsUntil, now + (long)wait.TotalMilliseconds, said) != said)
            return;
        Options.Waits?.Invoke(
            $"{Options.Endpoint.Authority} is busy ({(int)status}) and asks for a wait of {Math.Ceiling(wait.TotalSeconds):0} s: waiting");
    }

    async Task<HttpResponseMessage> FollowAsync(HttpRequestMessage request, TimeSpan within, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (within != Timeout.InfiniteTimeSpan)
            limit.CancelAfter(within);
        var uri = request.RequestUri!;
        for (var redirects = 0; ; redirects++)
        {
            if (Options.Token is { } token && SameHost(uri, Options.Endpoint) && request.Headers.Authorization is null
                && !request.Options.TryGetValue(s_signed, out _))
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, limit.Token);
            if (answer.Headers.Location is not { } location || (int)answer.StatusCode is not (301 or 302 or 303 or 307 or 308)
                || (request.Method != HttpMethod.Get && request.Method != HttpMethod.Head) || redirects == MaxRedirects)
                return answer;
            answer.Dispose();
            uri = new Uri(uri, location);
            var next = new HttpRequestMessage(request.Method, uri);
            foreach (var header in request.Headers.Where(h => h.Key != "Authorization"))
                next.Headers.TryAddWithoutValidation(header.Key, header.Value);
            if (request.Options.TryGetValue(s_signed, out _))
                next.Options.Set(s_signed, true);
            request = next;
        }
    }

    /// <summary>A request to a signed address: no token is sent with it.</summary>
    internal static HttpRequestMessage Signed(HttpMethod method, Uri uri)
    {
        var request = new HttpRequestMessage(method, uri);
        request.Options.Set(s_signed, true);
        return request;
    }

    static bool SameHost(Uri a, Uri b) => a.Scheme == b.Scheme && a.Authority == b.Authority;

    /// <summary>Requests JSON.</summary>
    /// <exception cref="HubClientException">The hub refuses, or answers something other than JSON.</exception>
    internal async Task<T> JsonAsync<T>(Func<HttpRequestMessage> request, JsonTypeInfo<T> type, string what,
        CancellationToken cancellationToken)
    {
        using var answer = await SendAsync(() => Compressed(request()), s_apiTimeout, cancellationToken);
        return await JsonAsync(answer, type, what, cancellationToken);
    }

    /// <summary>A request that accepts a compressed response: only for JSON, never for files, which are requested by ranges.</summary>
    static HttpRequestMessage Compressed(HttpRequestMessage request)
    {
        request.Headers.AcceptEncoding.ParseAdd("br, gzip");
        return request;
    }

    /// <summary>Returns a decompressed body.</summary>
    internal static async Task<Stream> PlainAsync(HttpContent content, CancellationToken cancellationToken) =>
        Plain(await content.ReadAsStreamAsync(cancellationToken), content);

    /// <summary>Whether a body is compressed.</summary>
    internal static bool IsCompressed(HttpContent content) =>
        content.Headers.ContentEncoding.Any(c => !c.Equals("identity", StringComparison.OrdinalIgnoreCase));

    /// <summary>A content's bytes, decompressed while streaming.</summary>
    internal static Stream Plain(Stream stream, HttpContent content)
    {
        foreach (var coding in content.Headers.ContentEncoding.Reverse())
            stream = coding.ToLowerInvariant() switch
            {
                "br" => new BrotliStream(stream, CompressionMode.Decompress),
                "gzip" or "x-gzip" => new GZipStream(stream, CompressionMode.Decompress),
                "deflate" => new ZLibStream(stream, CompressionMode.Decompress),
                "identity" => stream,
                _ => throw new HubClientException(HubProblem.WrongAnswer,
                    $"the hub's answer is in the coding '{coding}', which was not asked for"),
            };
        return stream;
    }

    internal async Task<T> JsonAsync<T>(HttpResponseMessage answer, JsonTypeInfo<T> type, string what, CancellationToken cancellationToken)
    {
        await EnsureAsync(answer, what, cancellationToken);
        try
        {
            await answer.Content.LoadIntoBufferAsync(MaxJsonBytes, cancellationToken);
            await using var plain = await PlainAsync(answer.Content, cancellationToken);
            using var bytes = new MemoryStream();
            var buffer = new byte[64 * 1024];
            while (await plain.ReadAsync(buffer, cancellationToken) is > 0 and var read)
            {
                bytes.Write(buffer, 0, read);
                if (bytes.Length > MaxJsonBytes)
                    throw new HubClientException(HubProblem.WrongAnswer,
                        $"{answer.RequestMessage!.RequestUri} answered with more than {MaxJsonBytes / 1_000_000} MB of JSON");
            }
            return JsonSerializer.Deserialize(bytes.GetBuffer().AsSpan(0, (int)bytes.Length), type) ?? throw new JsonException("null");
        }
        catch (InvalidDataException e)
        {
            throw new HubClientException(HubProblem.WrongAnswer,
                $"{answer.RequestMessage!.RequestUri}: the answer is not compressed as it says", answer.StatusCode, e);
        }
        catch (JsonException e)
        {
            throw new HubClientException(HubProblem.WrongAnswer,
                $"{answer.RequestMessage!.RequestUri} did not answer as a hub does: is this a hub?", answer.StatusCode, e);
        }
    }

    /// <summary>Throws the exception for an unsuccessful response.</summary>
    internal async Task EnsureAsync(HttpResponseMessage answer, string what, CancellationToken cancellationToken)
    {
        if (!answer.IsSuccessStatusCode)
            throw await HubErrors.OfAsync(answer, what, Options, cancellationToken);
    }

    static HubClientException? BudgetIn(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            if (e is HubClientException { Problem: HubProblem.BudgetReached } budget)
                return budget;
        return null;
    }

    static bool Refused(Exception? e)
    {
        for (; e is not null; e = e.InnerException)
            if (e is SocketException { SocketErrorCode: SocketError.ConnectionRefused or SocketError.HostNotFound })
                return true;
        return false;
    }

    HubClientException Unreachable(Uri uri, Exception e)
    {
        var address = uri.GetLeftPart(UriPartial.Authority);
        var advice = SameHost(uri, HubClientOptions.Local)
            ? "start a hub with `banyan up`, or name another with --hub URL or the variable HF_ENDPOINT"
            : "check the address and the connection, then run the same command again";
        var reason = Refused(e) ? "nothing answers" : e is OperationCanceledException ? "no answer in time" : SystemProblem.Of(e);
        return new HubClientException(HubProblem.Unreachable, $"{address}: {reason}: {advice}", inner: e);
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();
}
