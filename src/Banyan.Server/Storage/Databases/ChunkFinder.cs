using Microsoft.Data.Sqlite;

namespace Banyan.Server.Storage.Databases;

/// <summary>Looks chunks up by a statement that is prepared once; owns its connection. One caller at a time.</summary>
sealed class ChunkFinder : IDisposable
{
    /// <summary>Hashes that one statement asks for; places that are left over are null, which nothing equals.</summary>
    internal const int Places = 32;

    readonly SqliteConnection _connection;
    readonly SqliteCommand _command;

    public ChunkFinder(SqliteConnection connection)
    {
        _connection = connection;
        _command = connection.CreateCommand();
        _command.CommandText = $"SELECT hash, xorb_id, number FROM chunks WHERE hash IN ({string.Join(", ", Enumerable.Range(0, Places).Select(i => $"@h{i}"))})";
        for (var i = 0; i < Places; i++)
            _command.Parameters.Add($"@h{i}", SqliteType.Blob).Value = DBNull.Value;
        _command.Prepare();
    }

    public List<(byte[] Hash, long Xorb, int Number)> Find(ReadOnlySpan<byte[]> wanted)
    {
        var found = new List<(byte[], long, int)>();
        for (; wanted.Length > 0; wanted = wanted[Math.Min(Places, wanted.Length)..])
        {
            for (var i = 0; i < Places; i++)
                _command.Parameters[i].Value = i < wanted.Length ? wanted[i] : DBNull.Value;
            using var rows = _command.ExecuteReader();
            while (rows.Read())
                found.Add((rows.GetFieldValue<byte[]>(0), rows.GetInt64(1), rows.GetInt32(2)));
        }
        return found;
    }

    public void Dispose()
    {
        _command.Dispose();
        _connection.Dispose();
    }
}
