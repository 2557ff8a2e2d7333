using System.Globalization;

namespace Banyan.Runtime.Files;

/// <summary>A large file that is written piece by piece under a temporary name, and resumed if its writer was interrupted or killed:
/// <c>FILE.part</c> has the bytes, <c>FILE.part.at</c> says how many of them are safely on disk and what identifies them. It gets its final
/// name when it is complete.</summary>
sealed class PartFile : IDisposable
{
    public const long SafeEvery = 256 << 20;

    readonly string _path, _of;
    readonly long _safeEvery;
    readonly FileStream _stream;

    /// <param name="path">The final file.</param>
    /// <param name="of">A line that identifies what is written; it differs for anything that would be written differently.</param>
    /// <param name="safeEvery">How many bytes are written between two records of progress.</param>
    public PartFile(string path, string of, long safeEvery = SafeEvery)
    {
        (_path, _of, _safeEvery) = (path, of, safeEvery);
        _stream = new FileStream(Part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 20);
        Safe = Said();
        _stream.SetLength(Safe);
        _stream.Position = Safe;
    }

    /// <summary>Bytes that are safely on disk, after which a later writer resumes.</summary>
    public long Safe { get; private set; }

    /// <summary>Where to write what comes after <see cref="Safe"/>.</summary>
    public Stream Stream => _stream;

    string Part => _path + ".part";

    string At => _path + ".part.at";

    long Said()
    {
        try
        {
            return File.ReadAllLines(At) is [var of, var at] && of == _of
                && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var safe) && safe <= _stream.Length ? safe : 0;
        }
        catch (FileNotFoundException)
        {
            return 0;
        }
    }

    /// <summary>Reports how much is written and can be resumed after; it is recorded from time to time, once it is on disk.</summary>
    public void Reached()
    {
        if (_stream.Position - Safe < _safeEvery)
            return;
        _stream.Flush(flushToDisk: true);
        WholeFile.Write(At,
            to => to.Write(System.Text.Encoding.UTF8.GetBytes($"{_of}\n{_stream.Position.ToString(CultureInfo.InvariantCulture)}\n")));
        Safe = _stream.Position;
    }

    /// <summary>Everything is written.</summary>
    public void Complete()
    {
        _stream.Flush(flushToDisk: true);
        _stream.Dispose();
        WholeFile.Move(Part, _path);
        File.Delete(At);
    }

    /// <summary>Deletes it.</summary>
    public void Discard()
    {
        _stream.Dispose();
        File.Delete(Part);
        File.Delete(At);
    }

    /// <summary>Keeps what is safely on disk, if anything.</summary>
    public void Dispose()
    {
        if (!_stream.CanWrite)
            return;
        if (Safe == 0)
            Discard();
        else
            _stream.Dispose();
    }
}
