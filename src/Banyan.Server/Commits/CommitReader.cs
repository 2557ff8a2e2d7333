using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Banyan.Server.Access;
using Banyan.Server.Content;
using Banyan.Server.Git;

namespace Banyan.Server.Commits;

/// <summary>
/// Reads the body of a commit: JSON lines <c>{key, value}</c>. One line is in memory at a time, small files go to the spool, and
/// everything has a limit, so that no body makes the server's memory grow.
/// </summary>
static class CommitReader
{
    /// <summary>The longest small file: anything larger must be uploaded as a large file.</summary>
    public const int MaxFileBytes = 10 << 20;

    /// <summary>The longest message, in characters.</summary>
    public const int MaxMessage = 64 << 10;

    /// <summary>The longest body.</summary>
    public const long MaxBodyBytes = 1L << 30;

    const int MaxLineBytes = MaxFileBytes / 3 * 4 + (64 << 10), MaxOperations = 50_000;
    const long MaxSpoolBytes = 512L << 20;

    static readonly JsonDocumentOptions s_json = new() { MaxDepth = 8 };

    /// <exception cref="HubException">400, 413 or 422.</exception>
    public static async Task<CommitRequest> ReadAsync(PipeReader body, Spool spool, CancellationToken cancellationToken)
    {
        var state = new State(spool);
        while (true)
        {
            var read = await body.ReadAsync(cancellationToken);
            var rest = read.Buffer;
            try
            {
                while (rest.PositionOf((byte)'\n') is { } end)
                {
                    state.Line(rest.Slice(0, end));
                    rest = rest.Slice(rest.GetPosition(1, end));
                }
                if (read.IsCompleted)
                    state.Line(rest);   // the last line may have no end
                else if (rest.Length > MaxLineBytes)
                    throw TooLong();
            }
            catch
            {
                body.AdvanceTo(read.Buffer.End);   // the server reads on to the end of the body
                throw;
            }
            if (read.IsCompleted)
            {
                body.AdvanceTo(read.Buffer.End);
                return state.Finish();
            }
            body.AdvanceTo(rest.Start, rest.End);
        }
    }

    static HubException TooLong() =>
        HubException.TooLarge(
            $"A line of the commit is longer than {MaxLineBytes} bytes: upload files over {MaxFileBytes} bytes by LFS or Xet.");

    sealed class State(Spool spool)
    {
        readonly List<CommitOperation> _operations = [];
        string? _summary, _parent;
        string _description = "";

        public void Line(ReadOnlySequence<byte> line)
        {
            if (line.Length > MaxLineBytes)
                throw TooLong();
            if (_summary is null && _operations.Count == 0 && line.Length >= 3
                && line.Slice(0, 3).ToArray().AsSpan().SequenceEqual("\uFEFF"u8))
                line = line.Slice(3);
            if (IsBlank(line))
                return;
            try
            {
                using var json = JsonDocument.Parse(line, s_json);
                var value = json.RootElement.GetProperty("value");
                switch (json.RootElement.GetProperty("key").GetString())
                {
                    case "header": Header(value); break;
                    case "file": Add(File(value)); break;
                    case "lfsFile": Add(Large(value)); break;
                    case "deletedFile": Add(new CommitOperation.DeleteFile(Path(value))); break;
                    case "deletedFolder": Add(new CommitOperation.DeleteFolder(Path(value, folder: true))); break;
                    case "deletedEntry":
                        Add(Text(value, "path").EndsWith('/') ? new CommitOperation.DeleteFolder(Path(value, folder: true))
                            : new CommitOperation.DeleteFile(Path(value)));
                        break;
                    case var other:
                        throw HubException.BadRequest(
                        $"The commit has a line '{other}': header, file, lfsFile, deletedFile and deletedFolder are known.");
                }
            }
            catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
            {
                throw HubException.BadRequest(
                    $"Line {_operations.Count + 1} of the commit is not as expected: {(e is FormatException ? e.Message : JsonProblem.Of(e, ofLine: true))}.");
            }
        }

        public CommitRequest Finish() =>
            new(_summary ?? throw HubException.BadRequest("The commit has no header."), _description, _parent, _operations);

        static bool IsBlank(ReadOnlySequence<byte> line)
        {
            if (line.Length > 64)
                return false;
            foreach (var b in line.ToArray())
                if (b is not ((byte)' ' or (byte)'\r' or (byte)'\t'))
                    return false;
            return true;
        }

        void Header(JsonElement value)
        {
            _summary = Text(value, "summary").Trim();
            _description = Optional(value, "description") ?? "";
            _parent = Optional(value, "parentCommit");
            if (_summary.Length == 0)
                throw HubException.BadRequest("The commit's summary is empty.");
            if (_summary.Length + _description.Length > MaxMessage)
                throw HubException.BadRequest($"The commit's message is longer than {MaxMessage} characters.");
        }

        void Add(CommitOperation operation)
        {
            if (_operations.Count == MaxOperations)
                throw HubException.TooLarge($"A commit has at most {MaxOperations} operations: make several.");
            _operations.Add(operation);
        }

        CommitOperation.File File(JsonElement value)
        {
            var path = Path(value);
            var bytes = Optional(value, "encoding") switch
            {
                "base64" => value.GetProperty("content").GetBytesFromBase64(),
                null or "utf-8" => Encoding.UTF8.GetBytes(Text(value, "content")),
                var other => throw HubException.BadRequest($"{path}: encoding '{other}' is neither base64 nor utf-8"),
            };
            if (bytes.Length > MaxFileBytes)
                throw HubException.TooLarge($"{path} has {bytes.Length} bytes: upload files over {MaxFileBytes} bytes by LFS or Xet.");
            if (spool.Length + bytes.Length > MaxSpoolBytes)
                throw HubException.TooLarge($"A commit has at most {MaxSpoolBytes} bytes of small files: make several.");
            return new CommitOperation.File(path, spool.Add(bytes), bytes.Length);
        }

        static CommitOperation.Large Large(JsonElement value)
        {
            var path = Path(value);
            if (Optional(value, "algo") is not (null or "sha256" or "sha_256")
                || !Sha256.TryParse(Text(value, "oid").ToLowerInvariant(), out var oid))
                throw HubException.BadRequest($"{path}: the oid must be a SHA-256 of 64 hexadecimal digits");
            long? size = value.TryGetProperty("size", out var given) && given.ValueKind == JsonValueKind.Number ? given.GetInt64() : null;
            return new CommitOperation.Large(path, oid, size);
        }

        static string Path(JsonElement value, bool folder = false)
        {
            var path = Text(value, "path");
            return PathRules.Checked(folder ? path.TrimEnd('/') : path);
        }

        static string Text(JsonElement value, string name) =>
            value.GetProperty(name).GetString() ?? throw new FormatException($"{name} is null");

        static string? Optional(JsonElement value, string name) =>
            value.TryGetProperty(name, out var found) && found.ValueKind != JsonValueKind.Null ? found.GetString() : null;
    }
}
