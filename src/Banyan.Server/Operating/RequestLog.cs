using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Unicode;
using Microsoft.Extensions.Hosting;

namespace Banyan.Server.Operating;

/// <summary>The logged facts of a request.</summary>
/// <param name="Id">As its client has it, in <c>X-Request-Id</c>.</param>
/// <param name="Address">The client's address; "-" if it is not logged.</param>
/// <param name="User">Name of the user; "-" where that is not known.</param>
/// <param name="Method">HTTP method.</param>
/// <param name="Route">Pattern of the route.</param>
/// <param name="Status">Of the response; 499 if the client had disconnected.</param>
/// <param name="Bytes">Of the answer's body.</param>
/// <param name="Milliseconds">From the request's head to the answer's end.</param>
readonly record struct RequestLine(string Id, string Address, string User, string Method, string Route, int Status,
    long Bytes, double Milliseconds);

/// <summary>
/// Writes the access log: lines gather in memory and go out together, four times a second, or sooner when there are many. A logger that
/// takes and writes each line by itself costs a small file's request more than the file.
/// </summary>
/// <param name="output">Where they go.</param>
/// <param name="json">Whether a line is a JSON object.</param>
sealed class RequestLog(Stream output, bool json) : BackgroundService
{
    const int ManyBytes = 64 * 1024, MostBytes = 1024 * 1024, BytesOfLine = 256;
    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(250);

    readonly object _gate = new();
    readonly SemaphoreSlim _many = new(0);
    readonly byte[] _time = new byte["HH:mm:ss".Length];
    readonly Utf8JsonWriter _json = new(Stream.Null);
    ArrayBufferWriter<byte> _lines = new(2 * ManyBytes), _going = new(2 * ManyBytes);
    long _second;
    bool _hasEnded;

    /// <summary>Adds a line; blocks while a megabyte of lines waits for the log's reader.</summary>
    public void Write(in RequestLine line)
    {
        lock (_gate)
        {
            while (_lines.WrittenCount >= MostBytes && !_hasEnded)
                Monitor.Wait(_gate);
            var before = _lines.WrittenCount;
            if (json)
                Json(line);
            else
                Plain(line);
            if (before < ManyBytes && _lines.WrittenCount >= ManyBytes)
                _many.Release();
        }
    }

    void Plain(in RequestLine line)
    {
        var now = DateTime.UtcNow;
        if (now.Ticks / TimeSpan.TicksPerSecond is var second && second != _second)
        {
            _second = second;
            Utf8.TryWrite(_time, CultureInfo.InvariantCulture, $"{now.ToLocalTime():HH:mm:ss}", out _);
        }
        _lines.Write(_time);
        int written;
        for (var bytes = BytesOfLine; !Utf8.TryWrite(_lines.GetSpan(bytes), CultureInfo.InvariantCulture,
            $" {line.Id} {line.Address} {line.User} {line.Method} {line.Route} {line.Status} {line.Bytes} bytes {line.Milliseconds:F1} ms\n", out written);)
            bytes *= 2;
        _lines.Advance(written);
    }

    void Json(in RequestLine line)
    {
        _json.Reset(_lines);
        _json.WriteStartObject();
        _json.WriteString("Timestamp"u8, DateTime.UtcNow);
        _json.WriteString("LogLevel"u8, "Information"u8);
        _json.WriteString("Category"u8, "Banyan.Access"u8);
        _json.WriteString("RequestId"u8, line.Id);
        _json.WriteString("Address"u8, line.Address);
        _json.WriteString("User"u8, line.User);
        _json.WriteString("Method"u8, line.Method);
        _json.WriteString("Route"u8, line.Route);
        _json.WriteNumber("Status"u8, line.Status);
        _json.WriteNumber("Bytes"u8, line.Bytes);
        _json.WriteNumber("Milliseconds"u8, Math.Round(line.Milliseconds, 1));
        _json.WriteEndObject();
        _json.Flush();
        _lines.Write("\n"u8);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            for (; ; Send())
                await _many.WaitAsync(s_pause, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The server ends.
        }
    }

    /// <summary>Writes what has gathered, and never between the halves of another's line. A log that cannot be written does not make
    /// requests fail.</summary>
    void Send()
    {
        lock (_gate)
        {
            (_lines, _going) = (_going, _lines);
            Monitor.PulseAll(_gate);
        }
        try
        {
            lock (Console.Out)
            {
                output.Write(_going.WrittenSpan);
                output.Flush();
            }
        }
        catch (IOException)
        {
        }
        _going.ResetWrittenCount();
    }

    /// <summary>The last lines: the server answers its last requests before its services end.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        lock (_gate)
            _hasEnded = true;
        Send();
    }
}
