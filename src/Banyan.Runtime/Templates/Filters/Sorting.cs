using Banyan.Runtime.Templates.Nodes;
using Banyan.Runtime.Templates.Values;

namespace Banyan.Runtime.Templates.Filters;

/// <summary>Python's stable sort. Values are compared with the operator &lt;, so values without an order fail the same way.</summary>
static class Sorting
{
    public static List<T> Sort<T>(Render r, IEnumerable<T> items, Func<T, Value> key, bool reverse = false)
    {
        var keyed = items.Select((item, index) => (Item: item, Key: key(item), Index: index)).ToArray();
        r.Charge(32L * keyed.Length);
        try
        {
            Array.Sort(keyed, (a, b) =>
            {
                var order = a.Index == b.Index ? 0 : Equality.Order(r, b.Key, a.Key, "<") ?? 0;
                return order != 0 ? (reverse ? order : -order) : a.Index.CompareTo(b.Index);
            });
        }
        catch (InvalidOperationException e) when (e.InnerException is TemplateException inner)
        {
            throw new TemplateException(inner.Kind, inner.Detail);
        }
        catch (ArgumentException)
        {
            throw TemplateException.Value("items without an order (NaN) cannot be sorted");
        }
        return [.. keyed.Select(k => k.Item)];
    }
}
