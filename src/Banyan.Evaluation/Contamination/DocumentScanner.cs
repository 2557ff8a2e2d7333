using System.IO.Compression;
using System.Text;

namespace Banyan.Evaluation.Contamination;

/// <summary>Matches one file after another against all items; one scanner per thread.</summary>
sealed class DocumentScanner
{
    /// <summary>Characters read at once; no line, document or file is ever held in memory whole.</summary>
    const int BlockLength = 64 << 10;

    static readonly string[] s_json = [".json", ".jsonl", ".ndjson", ".ipynb"], s_jsonLines = [".jsonl", ".ndjson"];

    readonly GramMatcher[] _matchers;
    readonly Grams[] _grams;
    readonly WordLexer _words;
    readonly CodeLexer _code;
    readonly char[] _block = new char[BlockLength];
    long _line;

    /// <param name="indexes">One for each method.</param>
    public DocumentScanner(IReadOnlyList<GramIndex> indexes)
    {
        _matchers = [.. indexes.Select(i => new GramMatcher(i))];
        var (thirteen, ten, code) = (new WordGrams(13), new WordGrams(10), new CodeGrams());
        _grams = [thirteen, ten, code];
        _words = new((word, lettered) =>
        {
            if (thirteen.Add(word, lettered, out var gram))
                _matchers[0].Add(gram, _line);
            if (ten.Add(word, lettered, out gram))
                _matchers[1].Add(gram, _line);
        });
        _code = new((token, isName) =>
        {
            if (code.Add(token, isName, out var gram))
                _matchers[2].Add(gram, _line);
        });
    }

    /// <summary>Scans a file; returns its number of characters, or null with the reason if it is not text.</summary>
    /// <param name="path">The file.</param>
    /// <param name="onFound">Called with an item's matches in a document, by method.</param>
    /// <param name="onBytes">Bytes of the file read so far.</param>
    /// <param name="whyNot">The reason why it was not read.</param>
    /// <param name="cancellationToken">Cancels the scan.</param>
    public long? Scan(string path, Action<ContaminationMethod, int, Found> onFound, Action<long> onBytes, out string whyNot,
        CancellationToken cancellationToken)
    {
        whyNot = "";
        var name = path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? path[..^3] : path;
        var extension = Path.GetExtension(name).ToLowerInvariant();
        var json = s_json.Contains(extension) ? new JsonStrings() : null;
        var documents = s_jsonLines.Contains(extension);
        long characters = 0;
        _line = 1;
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 1 << 16,
                FileOptions.SequentialScan);
            using var content = name.Length < path.Length ? new GZipStream(file, CompressionMode.Decompress) : (Stream)file;
            using var reader = new StreamReader(content, Encoding.UTF8, true, BlockLength);
            for (int count; (count = reader.ReadBlock(_block)) > 0; characters += count)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var block = _block.AsSpan(0, count);
                if (characters == 0 && block[..Math.Min(block.Length, 8 << 10)].Contains('\0'))
                {
                    whyNot = "no text";
                    return null;
                }
                while (!block.IsEmpty)
                {
                    var end = block.IndexOf('\n');
                    var piece = end < 0 ? block : block[..end];
                    block = end < 0 ? [] : block[(end + 1)..];
                    Read(json is null ? piece : piece[..json.Decode(piece)]);
                    if (end < 0)
                        continue;
                    Read("\n");
                    json?.EndLine();
                    if (documents)
                        EndDocument(onFound);
                    _line++;
                }
                onBytes(file.Position);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            whyNot = e.Message;
            return characters > 0 ? characters : null; // what was read counts
        }
        finally
        {
            EndDocument(onFound);
        }
        return characters;
    }

    void Read(ReadOnlySpan<char> text)
    {
        _words.Read(text);
        _code.Read(text);
    }

    void EndDocument(Action<ContaminationMethod, int, Found> onFound)
    {
        _words.End();
        _code.End();
        for (var m = 0; m < _matchers.Length; m++)
        {
            _grams[m].Restart();
            _matchers[m].EndDocument((item, found) => onFound(ContaminationMethods.All[m], item, found));
        }
    }

    /// <summary>An item's own grams by a method, in order, and its number of tokens.</summary>
    public static (IReadOnlyList<ulong> Grams, int Tokens) Of(string text, ContaminationMethod method)
    {
        var grams = new List<ulong>();
        var tokens = 0;
        if (method == ContaminationMethod.NearDuplicate)
        {
            var code = new CodeGrams();
            var lexer = new CodeLexer((token, isName) =>
            {
                tokens++;
                if (code.Add(token, isName, out var gram))
                    grams.Add(gram);
            });
            lexer.Read(text);
            lexer.End();
        }
        else
        {
            var words = new WordGrams(method == ContaminationMethod.Words13 ? 13 : 10);
            var lexer = new WordLexer((word, lettered) =>
            {
                tokens++;
                if (words.Add(word, lettered, out var gram))
                    grams.Add(gram);
            });
            lexer.Read(text);
            lexer.End();
        }
        return (grams, tokens);
    }
}
