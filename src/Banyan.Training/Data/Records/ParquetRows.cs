using System.Collections;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Parquet;
using Parquet.Serialization;

namespace Banyan.Training.Data.Records;

/// <summary>Rows of a Parquet file, a row group in memory at a time.</summary>
static class ParquetRows
{
    /// <summary>A row group is held as a whole.</summary>
    const long LargestRowGroup = 2L << 30;

    /// <exception cref="DataException">It is not a Parquet file, or damaged.</exception>
    public static IEnumerable<RawRecord> Read(string path, string file)
    {
        var number = 0L;
        for (int group = 0, groups = 1; group < groups; group++)
        {
            IReadOnlyList<Dictionary<string, object>> rows;
            try
            {
                (rows, groups) = ReadGroupAsync(path, group).GetAwaiter().GetResult();
            }
            catch (Exception e) when (e is not DataException and not OutOfMemoryException)
            {
                throw new DataException(
                    $"{file}: row group {group + 1} cannot be read as Parquet: {e.Message.ReplaceLineEndings(" ")} Get the file again, or save it as JSON lines", e);
            }
            foreach (var row in rows)
                yield return new(RawRecord.At(file, "row", ++number), (JsonObject)Json(row)!, null);
        }
    }

    static async Task<(IReadOnlyList<Dictionary<string, object>>, int)> ReadGroupAsync(string path, int group)
    {
        ParquetOptions.PreferUntypedString = true;
        await using var stream = File.OpenRead(path);
        int groups;
        await using (var reader = await ParquetReader.CreateAsync(stream, leaveStreamOpen: true).ConfigureAwait(false))
        {
            groups = reader.RowGroupCount;
            if (group >= groups)
                return ([], groups);
            var bytes = reader.Metadata?.RowGroups[group].TotalByteSize ?? 0;
            if (bytes > LargestRowGroup)
                throw new DataException(
                    $"{Path.GetFileName(path)}: row group {group + 1} has {bytes / 1e9:0.0} GB, which would be held in memory as a whole: save the file with smaller row groups");
        }
        stream.Position = 0;
        var result = await ParquetSerializer.DeserializeUntypedAsync(stream, null, group).ConfigureAwait(false);
        return ([.. result.Data], groups);
    }

    static JsonNode? Json(object? value) => value switch
    {
        null => null,
        string text => JsonValue.Create(text),
        bool flag => JsonValue.Create(flag),
        byte[] bytes => JsonValue.Create(System.Text.Encoding.UTF8.GetString(bytes)),
        ReadOnlyMemory<char> chars => JsonValue.Create(chars.ToString()),
        IDictionary<string, object> map => new JsonObject(map.Select(p => KeyValuePair.Create(p.Key, Json(p.Value)))),
        IDictionary map =>
            new JsonObject(map.Cast<DictionaryEntry>()
                .Select(p => KeyValuePair.Create(Convert.ToString(p.Key, CultureInfo.InvariantCulture) ?? "", Json(p.Value)))),
        IEnumerable list => new JsonArray([.. list.Cast<object?>().Select(Json)]),
        int or long or short or byte or sbyte or ushort or uint => JsonValue.Create(Convert.ToInt64(value, CultureInfo.InvariantCulture)),
        float or double or decimal => double.IsFinite(Convert.ToDouble(value, CultureInfo.InvariantCulture))
            ? JsonValue.Create(Convert.ToDouble(value, CultureInfo.InvariantCulture)) : null,
        _ => JsonValue.Create(Convert.ToString(value, CultureInfo.InvariantCulture)),
    };
}
