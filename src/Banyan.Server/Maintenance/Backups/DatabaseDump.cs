using System.Data;
using System.Data.Common;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Banyan.Server.Content;
using Banyan.Server.Storage.Databases;

namespace Banyan.Server.Maintenance.Backups;

/// <summary>
/// A database as JSON lines, the same whether it is SQLite's or PostgreSQL's: a line that names a table and its columns, then a line a
/// row; bytes are base64 in an array of one. What one wrote the other reads.
/// </summary>
static class DatabaseDump
{
    static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes all tables as a transaction sees them.</summary>
    public static async Task WriteAsync(HubDatabase database, DbTransaction transaction, Stream to, CancellationToken cancellationToken)
    {
        await using var json = new Utf8JsonWriter(to, s_json);
        foreach (var table in await database.TablesAsync(transaction))
        {
            await using var command = Command(transaction,
                $"SELECT * FROM \"{table}\"" + (table == "xorbs" ? $" WHERE keep_until <> {XorbIndex.Condemned}" : ""));
            await using var rows = await command.ExecuteReaderAsync(cancellationToken);
            json.WriteStartObject();
            json.WriteString("table", table);
            json.WriteStartArray("columns");
            for (var i = 0; i < rows.FieldCount; i++)
                json.WriteStringValue(rows.GetName(i));
            json.WriteEndArray();
            json.WriteEndObject();
            await EndAsync();
            while (await rows.ReadAsync(cancellationToken))
            {
                json.WriteStartArray();
                for (var i = 0; i < rows.FieldCount; i++)
                    Write(json, rows.GetValue(i));
                json.WriteEndArray();
                await EndAsync();
            }
        }

        async Task EndAsync()
        {
            await json.FlushAsync(cancellationToken);
            to.WriteByte((byte)'\n');
            json.Reset();
        }
    }

    static void Write(Utf8JsonWriter json, object value)
    {
        switch (value)
        {
            case DBNull: json.WriteNullValue(); break;
            case string text: json.WriteStringValue(text); break;
            case bool yes: json.WriteBooleanValue(yes); break;
            case byte[] bytes:
                json.WriteStartArray();
                json.WriteBase64StringValue(bytes);
                json.WriteEndArray();
                break;
            default: json.WriteNumberValue(Convert.ToInt64(value, CultureInfo.InvariantCulture)); break;
        }
    }

    /// <summary>Fills empty tables with what <see cref="WriteAsync"/> wrote.</summary>
    /// <exception cref="InvalidDataException">A line is not as expected.</exception>
    public static async Task LoadAsync(HubDatabase database, DbTransaction transaction, Stream from, CancellationToken cancellationToken)
    {
        var known = await database.TablesAsync(transaction);
        DbCommand? insert = null;
        Type[] types = [];
        var loaded = new List<string>();
        await foreach (var line in LinesAsync(from, cancellationToken))
        {
            using var json = line;
            if (json.RootElement.ValueKind == JsonValueKind.Object)
            {
                var table = json.RootElement.GetProperty("table").GetString()!;
                if (!known.Contains(table))
                    throw new InvalidDataException(
                        $"The backup has a table '{table}' that this Banyan does not know: use the version that made it, or a newer one.");
                insert?.Dispose();
                (insert, types) = await InsertAsync(database, transaction, table,
                    [.. json.RootElement.GetProperty("columns").EnumerateArray().Select(c => c.GetString()!)], cancellationToken);
                loaded.Add(table);
                continue;
            }
            var i = 0;
            foreach (var value in json.RootElement.EnumerateArray())
            {
                insert!.Parameters[i].Value = Read(value, types[i]);
                i++;
            }
            await insert!.ExecuteNonQueryAsync(cancellationToken);
        }
        insert?.Dispose();
        foreach (var table in loaded)
            await database.CountOnAsync(transaction, table);
    }

    static async Task<(DbCommand, Type[])> InsertAsync(HubDatabase database, DbTransaction transaction, string table, string[] columns,
        CancellationToken cancellationToken)
    {
        if (columns.Any(c => !c.All(l => char.IsAsciiLetterOrDigit(l) || l == '_')))
            throw new InvalidDataException($"The backup's table '{table}' has a column whose name is none.");
        var list = string.Join(", ", columns.Select(c => $"\"{c}\""));
        await using var probe = Command(transaction, $"SELECT {list} FROM \"{table}\" WHERE 1 = 0");
        await using var shape = await probe.ExecuteReaderAsync(CommandBehavior.SchemaOnly, cancellationToken);
        var types = columns.Select((_, i) => shape.GetFieldType(i)).ToArray();
        await shape.CloseAsync();
        var insert =
            Command(transaction,
                $"INSERT INTO \"{table}\" ({list}) {database.WithOwnIds} VALUES ({string.Join(", ", columns.Select((_, i) => $"@p{i}"))})");
        for (var i = 0; i < columns.Length; i++)
        {
            var parameter = insert.CreateParameter();
            parameter.ParameterName = $"@p{i}";
            insert.Parameters.Add(parameter);
        }
        return (insert, types);
    }

    static object Read(JsonElement value, Type type) => value.ValueKind switch
    {
        JsonValueKind.Null => DBNull.Value,
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Array => value[0].GetBytesFromBase64(),
        JsonValueKind.True or JsonValueKind.False => Number(value.GetBoolean() ? 1 : 0, type),
        _ => Number(value.GetInt64(), type),
    };

    // SQLite has no booleans, PostgreSQL tells integers of 4 bytes from those of 8.
    static object Number(long value, Type type) => type == typeof(bool) ? value != 0 : type == typeof(int) ? checked((int)value) : value;

    /// <summary>The values of one column of one table.</summary>
    public static async IAsyncEnumerable<JsonElement> ColumnAsync(Stream from, string table, string column,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var at = -1;
        await foreach (var line in LinesAsync(from, cancellationToken))
        {
            using var json = line;
            if (json.RootElement.ValueKind == JsonValueKind.Object)
                at = json.RootElement.GetProperty("table").GetString() == table
                    ? json.RootElement.GetProperty("columns").EnumerateArray().ToList().FindIndex(c => c.GetString() == column) : -1;
            else if (at >= 0)
                yield return json.RootElement[at].Clone();
        }
    }

    static async IAsyncEnumerable<JsonDocument> LinesAsync(Stream from,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(from, bufferSize: 1 << 16, leaveOpen: true);
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
            yield return JsonDocument.Parse(line);
    }

    static DbCommand Command(DbTransaction transaction, string sql)
    {
        var command = transaction.Connection!.CreateCommand();
        (command.CommandText, command.Transaction) = (sql, transaction);
        return command;
    }
}
