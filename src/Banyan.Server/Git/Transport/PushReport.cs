using System.Text;
using Microsoft.AspNetCore.Http;

namespace Banyan.Server.Git.Transport;

/// <summary>The outcome for a ref.</summary>
sealed class PushOutcome(RefChange change)
{
    public RefChange Change { get; } = change;

    /// <summary>Null: it was updated.</summary>
    public string? Problem { get; set; }
}

/// <summary>The answer to a push: the outcome for each ref (gitprotocol-pack, "Report Status").</summary>
static class PushReport
{
    /// <param name="unpack">Why all of it was refused, or null.</param>
    public static async Task WriteAsync(HttpContext context, PushRequest request, IReadOnlyList<PushOutcome> outcomes, string? unpack)
    {
        var writer = new PacketWriter(context.Response.BodyWriter);
        // What is said of a ref is one line; a person reads the rest on the sideband.
        if (request.HasSideband && unpack is not null)
            foreach (var line in (string[])["", "The push was refused; nothing was changed:", $"  {Clean(unpack)}", ""])
                writer.Progress(line);
        if (request.Reports)
        {
            var report = new MemoryStream();
            void Line(string text) => report.Write(Encoding.UTF8.GetBytes($"{Encoding.UTF8.GetByteCount(text) + 5:x4}{text}\n"));
            Line(unpack is null ? "unpack ok" : $"unpack {Clean(unpack)}");
            foreach (var outcome in outcomes)
                Line(unpack is not null ? $"ng {outcome.Change.Name} {Clean(outcome.Problem ?? "unpacker error")}"
                    : outcome.Problem is { } problem ? $"ng {outcome.Change.Name} {Clean(problem)}" : $"ok {outcome.Change.Name}");
            report.Write("0000"u8);
            if (request.HasSideband)
                for (var rest = report.ToArray()
                    .AsMemory(); rest.Length > 0; rest = rest[Math.Min(rest.Length, PacketWriter.MaxSideband)..])
                    writer.Write(1, rest.Span[..Math.Min(rest.Length, PacketWriter.MaxSideband)]);
            else
                await context.Response.BodyWriter.WriteAsync(report.ToArray(), context.RequestAborted);
        }
        if (request.HasSideband)
            writer.Flush();
        await writer.SendAsync(context.RequestAborted);
    }

    /// <summary>One line without control sequences.</summary>
    static string Clean(string text) => string.Concat(text.Take(1000).Select(c => char.IsControl(c) ? ' ' : c));
}
