using Banyan.Client.Hub;

namespace Banyan.Client.Transfers;

/// <summary>The network failed during a body; the bytes before are valid, and the rest can be requested again.</summary>
sealed class NetworkException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>A response's body, without any compression added by an intermediary. A stalled one counts as lost.</summary>
sealed class Body : IAsyncDisposable
{
    readonly Stream _stream;
    readonly TimeSpan _stall;
    readonly CancellationToken _cancellation;
    CancellationTokenSource _limit;

    Body(Stream stream, TimeSpan stall, CancellationToken cancellation)
    {
        (_stream, _stall, _cancellation) = (stream, stall, cancellation);
        _limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
    }

    public static async Task<Body> OpenAsync(HttpResponseMessage answer, TimeSpan stall, CancellationToken cancellationToken) =>
        new(HubClient.Plain(await answer.Content.ReadAsStreamAsync(cancellationToken), answer.Content), stall, cancellationToken);

    /// <summary>Some bytes; 0 at the end.</summary>
    /// <exception cref="NetworkException">The connection broke or stalled.</exception>
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            _limit.CancelAfter(_stall);
            var read = await _stream.ReadAsync(buffer, _limit.Token);
            if (!_limit.TryReset())
            {
                _limit.Dispose();
                _limit = CancellationTokenSource.CreateLinkedTokenSource(_cancellation);
            }
            return read;
        }
        catch (InvalidDataException e)
        {
            throw new HubClientException(HubProblem.WrongAnswer, "the answer is not compressed as it says", inner: e);
        }
        catch (Exception e) when (Retry.IsPassing(e, cancellationToken))
        {
            for (Exception? inner = e; inner is not null; inner = inner.InnerException)
                if (inner is HubClientException)
                    throw inner;
            throw new NetworkException(e is OperationCanceledException ? $"no byte for {_stall.TotalSeconds:0} s" : e.Message, e);
        }
    }

    /// <summary>Reads exactly this many bytes.</summary>
    /// <exception cref="NetworkException">The connection broke or stalled, or the body ended.</exception>
    public async ValueTask ReadExactlyAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        while (buffer.Length > 0)
        {
            var read = await ReadAsync(buffer, cancellationToken);
            buffer = read > 0 ? buffer[read..] : throw new NetworkException("the answer ended early");
        }
    }

    public ValueTask DisposeAsync()
    {
        _limit.Dispose();
        return _stream.DisposeAsync();
    }
}
