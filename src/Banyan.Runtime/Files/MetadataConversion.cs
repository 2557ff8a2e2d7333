using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Banyan.Runtime.Files;

/// <summary>Converts stored metadata to a requested type. An integer becomes any integer it fits, or a float; a float only another
/// float.</summary>
static class MetadataConversion
{
    public static bool TryConvert<T>(object stored, [MaybeNullWhen(false)] out T value)
    {
        if (stored is T same)
        {
            value = same;
            return true;
        }
        if (TryConvert(stored, typeof(T), out var converted))
        {
            value = (T)converted;
            return true;
        }
        value = default;
        return false;
    }

    static bool TryConvert(object stored, Type type, [NotNullWhen(true)] out object? value)
    {
        value = null;
        if (stored.GetType() == type)
            value = stored;
        else if (type.IsArray && stored is Array array)
            value = ConvertArray(array, type);
        else if (IsNumber(type) && IsNumber(stored.GetType()) && (IsFloat(type) || !IsFloat(stored.GetType())))
            try
            {
                value = ((IConvertible)stored).ToType(type, CultureInfo.InvariantCulture);
            }
            catch (OverflowException)
            {
            }
        return value is not null;
    }

    static Array? ConvertArray(Array array, Type type)
    {
        var (result, element) = (Array.CreateInstanceFromArrayType(type, array.Length), type.GetElementType()!);
        for (var i = 0; i < array.Length; i++)
        {
            if (!TryConvert(array.GetValue(i)!, element, out var converted))
                return null;
            result.SetValue(converted, i);
        }
        return result;
    }

    static bool IsFloat(Type type) => type == typeof(float) || type == typeof(double);

    static bool IsNumber(Type type) => Type.GetTypeCode(type) is >= TypeCode.SByte and <= TypeCode.Double;

    /// <summary>What a value is, for a message: <c>the string 'abc'</c>.</summary>
    public static string Describe(object value) => value switch
    {
        string text => $"the string '{(text.Length > 60 ? text[..60] + "…" : text)}'",
        Array array => $"{NameOf(array.GetType().GetElementType()!)}[{array.Length}]",
        _ => $"the {NameOf(value.GetType())} {string.Create(CultureInfo.InvariantCulture, $"{value}")}",
    };

    public static string NameOf(Type type) =>
        type.IsArray ? NameOf(type.GetElementType()!) + "[]"
        : Type.GetTypeCode(type) switch
        {
            TypeCode.Single => "float",
            TypeCode.Double => "double",
            TypeCode.Boolean => "bool",
            TypeCode.String => "string",
            TypeCode.Object => "array",
            _ => type.Name.ToLowerInvariant(),
        };
}
