using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace Banyan.Server.Storage.Databases;

/// <summary>
/// The head of SQLite's write-ahead log, in the memory that all processes share which have the database open ("WAL-Index Header" in
/// sqlite.org/walformat.html). Every commit counts it up before it returns, so two reads of it say whether anything was committed in
/// between, without the locks that <c>PRAGMA data_version</c> takes: of a request for a small file those were a sixth.
/// </summary>
/// <remarks>
/// SQLite itself is asked for the memory, which stays where it is while a connection is open: to open the file once more and close it
/// would, by POSIX, release every lock that this process has on it.
/// </remarks>
sealed unsafe partial class LogHead : SafeHandle
{
    const int FilePointer = 7, RegionBytes = 32 * 1024, Tries = 100;

    // Of sqlite3_io_methods, from version 2 on: after a number of its version.
    const int ShmMap = 13;

    // In words: the header is there twice, the second written first.
    const int Change = 2, State = 3, Sum = 10, Words = 12;

    readonly SqliteConnection _connection;

    LogHead(SqliteConnection connection, void* head)
        : base((nint)head, ownsHandle: true)
    {
        _connection = connection;
        GC.SuppressFinalize(this);      // the connection closes by itself
    }

    /// <inheritdoc/>
    public override bool IsInvalid => handle == 0;

    /// <summary>
    /// The head of a database's log; null if there is none (in another mode than WAL, before anything was read) or this build of SQLite is
    /// not asked for it.
    /// </summary>
    /// <param name="connection">Stays open, and is closed with this once nobody reads any more.</param>
    public static LogHead? Of(SqliteConnection connection)
    {
        void*** file;
        try
        {
            if (Control(connection.Handle!.DangerousGetHandle(), "main", FilePointer, &file) != 0 || file is null
                || *file is null || *(int*)*file < 2)
                return null;
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            return null;
        }
        void* head;
        var map = (delegate* unmanaged<void***, int, int, int, void**, int>)(*file)[ShmMap];
        return map is not null && map(file, 0, RegionBytes, 0, &head) == 0 && head is not null ? new(connection, head) : null;
    }

    /// <summary>
    /// A number that differs after any commit; null if another process has been writing the head all the while, or has yet to.
    /// </summary>
    public long? Version()
    {
        var isHeld = false;
        DangerousAddRef(ref isHeld);
        try
        {
            var head = (int*)handle;
            for (var i = 0; i < Tries; i++)
            {
                // Both alike: neither was being written.
                var (change, state, sum, sum2) = Read(head);
                if ((change, state, sum, sum2) == Read(head + Words))
                    return (byte)(BitConverter.IsLittleEndian ? state : state >> 24) == 0 ? null : (long)change << 32 | (uint)(sum ^ sum2);
            }
            return null;
        }
        finally
        {
            if (isHeld)
                DangerousRelease();
        }
    }

    /// <inheritdoc/>
    protected override bool ReleaseHandle()
    {
        _connection.Dispose();
        return true;
    }

    static (int Change, int State, int Sum, int Sum2) Read(int* head) =>
        (Volatile.Read(ref head[Change]), Volatile.Read(ref head[State]), Volatile.Read(ref head[Sum]), Volatile.Read(ref head[Sum + 1]));

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Control(nint database, string name, int operation, void* argument);
}
